//! Endpoints of services whose own crates are not used, found as the SDK finds those of other
//! services: from the environment and the profile, or by region, partition, FIPS and dual stack.

use aws_sdk_efs::config::endpoint::{DefaultResolver, Params, ParamsBuilder, ResolveEndpoint};
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use futures_util::FutureExt;

use super::error::root_cause;
use crate::service_error::{ServiceError, ServiceResult, Trouble};

/// Names of a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// Id in a profile's `services` section and in `AWS_ENDPOINT_URL_ID`.
    pub(super) id: &'static str,
    /// Name in signatures.
    pub(super) signing: &'static str,
    /// Host name up to the region; `fips_host` is the one for FIPS 140.
    pub(super) host: &'static str,
    pub(super) fips_host: &'static str,
}

/// Returns the endpoint of `service` that the environment or the profile sets, if any.
pub(super) fn custom(config: &SdkConfig, id: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(id);
    let key = key.env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    let of_service = config.service_config().and_then(|found| found.load_config(key));
    let found = of_service.or_else(|| config.endpoint_url().map(str::to_owned))?;
    Some(found).filter(|found| !found.trim().is_empty())
}

/// True if calls to the service go to AWS, even through a configured endpoint such as that of a
/// VPC.
pub(super) fn is_aws(config: &SdkConfig, id: &str) -> bool {
    let Some(url) = custom(config, id) else { return true };
    let host = url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    let ends = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws"];
    host.is_some_and(|host| ends.iter().any(|end| host.ends_with(end)))
}

/// Returns the endpoint of a service.
///
/// # Errors
/// If the configured endpoint is not a URL, or the SDK knows none for the region.
pub(super) fn of(config: &SdkConfig, service: &Service) -> ServiceResult<String> {
    match custom(config, service.id) {
        Some(url) if is_url(&url) => Ok(url),
        Some(url) => {
            let id = service.id;
            let text =
                format!("the endpoint of {id} is set to `{url}`, which is not an http(s) URL");
            Err(ServiceError::new(Trouble::Refused, text))
        }
        None => by_region(config, service),
    }
}

fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.parse::<http::Uri>().is_ok()
}

fn by_region(config: &SdkConfig, service: &Service) -> ServiceResult<String> {
    let fips = config.use_fips().unwrap_or_default();
    let params = Params::builder()
        .set_use_fips(Some(fips))
        .set_use_dual_stack(Some(config.use_dual_stack().unwrap_or_default()));
    let domain = domain(config, params).map_err(|why| {
        let text = format!("no endpoint of {} in this region: {why}", service.id);
        ServiceError::new(Trouble::Refused, text)
    })?;
    let host = if fips { service.fips_host } else { service.host };
    Ok(format!("https://{host}.{domain}"))
}

/// Returns `REGION.SUFFIX`, the end of file systems' names, which have neither FIPS nor dual-stack
/// forms (EFS user guide, "Mounting file systems").
///
/// # Errors
/// If the SDK knows none for the region.
pub(super) fn of_file_systems(config: &SdkConfig) -> ServiceResult<String> {
    domain(config, Params::builder()).map_err(|why| {
        let text = format!("file systems have no names in this region: {why}");
        ServiceError::new(Trouble::Refused, text)
    })
}

/// Returns what follows the first label in EFS's endpoint, `https://LABEL.REGION.SUFFIX`. It is
/// right for every service with such names. EFS's client is used because each client of the SDK
/// contains the partitions.
fn domain(config: &SdkConfig, params: ParamsBuilder) -> Result<String, String> {
    let params = params.set_region(config.region().map(ToString::to_string)).build();
    let params = params.map_err(|error| root_cause(&error))?;
    // The resolver only computes, so it is ready at once.
    let found = DefaultResolver::new().resolve_endpoint(&params).now_or_never();
    let found = found.ok_or_else(|| "the SDK does not say".to_owned())?;
    let found = found.map_err(|error| root_cause(&*error))?;
    let (_, domain) = found.url().split_once('.').ok_or_else(|| found.url().to_owned())?;
    Ok(domain.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_types::region::Region;

    use super::*;

    const SAGEMAKER: Service = Service {
        id: "SageMaker",
        signing: "sagemaker",
        host: "api.sagemaker",
        fips_host: "api-fips.sagemaker",
    };

    /// Values from the endpoint rules that AWS publishes for SageMaker.
    #[test]
    fn endpoints_are_those_of_the_partition() {
        for (region, fips, dual, want) in [
            ("us-east-1", false, false, "api.sagemaker.us-east-1.amazonaws.com"),
            ("us-east-1", true, false, "api-fips.sagemaker.us-east-1.amazonaws.com"),
            ("us-east-1", false, true, "api.sagemaker.us-east-1.api.aws"),
            ("us-east-1", true, true, "api-fips.sagemaker.us-east-1.api.aws"),
            ("us-gov-west-1", true, false, "api-fips.sagemaker.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", false, false, "api.sagemaker.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", false, true, "api.sagemaker.cn-north-1.api.amazonwebservices.com.cn"),
            ("us-iso-east-1", false, false, "api.sagemaker.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", false, false, "api.sagemaker.us-isob-east-1.sc2s.sgov.gov"),
            ("eusc-de-east-1", false, false, "api.sagemaker.eusc-de-east-1.amazonaws.eu"),
            ("eu-neu-9", false, false, "api.sagemaker.eu-neu-9.amazonaws.com"),
        ] {
            let config = SdkConfig::builder()
                .region(Region::new(region))
                .use_fips(fips)
                .use_dual_stack(dual)
                .build();
            assert_eq!(of(&config, &SAGEMAKER).as_deref(), Ok(&*format!("https://{want}")));
        }
    }

    /// Values from efs-utils' configuration, which lists the suffix of each region.
    #[test]
    fn file_systems_are_named_as_their_partition_says() {
        for (region, want) in [
            ("eu-west-3", "eu-west-3.amazonaws.com"),
            ("cn-north-1", "cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "us-gov-west-1.amazonaws.com"),
            ("us-iso-east-1", "us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", "us-isof-south-1.csp.hci.ic.gov"),
            ("eusc-de-east-1", "eusc-de-east-1.amazonaws.eu"),
        ] {
            for fips in [false, true] {
                let config = SdkConfig::builder().region(Region::new(region)).use_fips(fips);
                let config = config.use_dual_stack(fips).build();
                assert_eq!(of_file_systems(&config).as_deref(), Ok(want));
            }
        }
    }

    #[test]
    fn a_configured_endpoint_takes_precedence_and_must_be_a_url() {
        let with = |url: &str| {
            let config = SdkConfig::builder().region(Region::new("eu-west-1")).endpoint_url(url);
            of(&config.build(), &SAGEMAKER)
        };
        assert_eq!(with("http://127.0.0.1:4566").as_deref(), Ok("http://127.0.0.1:4566"));
        for none in ["", "  "] {
            assert_eq!(
                with(none).as_deref(),
                Ok("https://api.sagemaker.eu-west-1.amazonaws.com"),
                "{none:?}"
            );
        }
        for wrong in ["x", "http://", "https:///x", "ftp://x", "http://a b", "http://[::1"] {
            let error = with(wrong).expect_err(wrong).text;
            assert!(error.contains(&format!("`{wrong}`")), "{error}");
        }
    }
}
