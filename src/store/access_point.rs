//! ARNs of access points, which may replace a bucket's name.

/// Splits `arn:…:accesspoint/NAME/PREFIX` into the ARN and the prefix. The ARN may also have a colon
/// before the name.
pub(super) fn split(text: &str) -> Result<(String, &str), String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &[_, partition, service, region, account, resource] = parts.as_slice() else {
        return Err(format!("it is not the ARN of an access point: {EXAMPLE}"));
    };
    match service {
        "s3-object-lambda" => {
            let problem = "an Object Lambda access point changes what is read: name the access \
                           point behind it";
            return Err(problem.to_owned());
        }
        "s3-outposts" => return Err("S3 on Outposts is not supported".to_owned()),
        _ => {}
    }
    let rest = resource.strip_prefix("accesspoint").and_then(|rest| rest.strip_prefix(['/', ':']));
    let Some(rest) = rest.filter(|_| service == "s3") else {
        return Err(format!("it is not the ARN of an access point: {EXAMPLE}"));
    };
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if region.is_empty() || name.ends_with(".mrap") {
        let problem = "the buckets of a multi-region access point become consistent only after \
                       a while, so an older run could replace a newer one: name a bucket or its access point";
        return Err(problem.to_owned());
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_partition = partition.starts_with("aws") && partition.chars().all(plain);
    let is_right = is_account && is_partition && crate::aws::is_region(region);
    if !is_right || !(3..=50).contains(&name.len()) || !name.chars().all(plain) {
        return Err(format!("it is not the ARN of an access point: {EXAMPLE}"));
    }
    Ok((format!("arn:{partition}:s3:{region}:{account}:accesspoint/{name}"), prefix))
}

const EXAMPLE: &str = "s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/PREFIX";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_access_points_of_one_region_can_be_published_to() {
        let region = "arn:aws:s3:eu-west-1:123456789012:accesspoint/reports";
        assert_eq!(split(region), Ok((region.to_owned(), "")));
        assert_eq!(split(&format!("{region}/a:b/c")), Ok((region.to_owned(), "a:b/c")));
        for (wrong, said) in [
            ("arn:aws:s3::123456789012:accesspoint/m1.mrap/x", "multi-region"),
            ("arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/l/x", "Object Lambda"),
            ("arn:aws:s3-outposts:eu-west-1:123456789012:outpost/o/accesspoint/l", "Outposts"),
            ("arn:aws:s3:::team/efs", "REGION"),
            ("arn:aws:s3:eu-west-1:123456789012:accesspoint", "REGION"),
            ("arn:aws:s3:eu-west-1:123:accesspoint/reports", "REGION"),
            ("arn:aws:s3:eu/west:123456789012:accesspoint/reports", "REGION"),
            ("arn:aws:s3", "REGION"),
        ] {
            let problem = split(wrong).expect_err(wrong);
            assert!(problem.contains(said), "{wrong}: {problem}");
        }
    }
}
