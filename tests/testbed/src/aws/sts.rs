//! STS's GetCallerIdentity.

use super::ACCOUNT;
use super::errors::Failure;
use super::http::Answer;
use super::route::Call;

pub fn perform(call: &Call) -> Result<Answer, Failure> {
    if call.operation != "GetCallerIdentity" {
        let message = format!("The action {} is not valid for this endpoint.", call.operation);
        return Err(Failure::new(400, "InvalidAction", message));
    }
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    \
         <Arn>arn:aws:sts::{ACCOUNT}:assumed-role/monitor/i-0123456789abcdef0</Arn>\n    \
         <UserId>AROAEXAMPLE:i-0123456789abcdef0</UserId>\n    <Account>{ACCOUNT}</Account>\n  \
         </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{id}</RequestId>\n  \
         </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
        id = call.id,
    );
    Ok(Answer::new(200, "text/xml", body))
}
