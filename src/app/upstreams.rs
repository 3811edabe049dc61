//! The departments' backends, with whom to trust.

use super::StartError;
use crate::config;
use crate::tls::{TlsError, department_config};
use crate::upstream::{Names, UpstreamConfig};

/// The backends, with whom to trust and who speaks HTTP/1.1 to them.
pub fn upstreams(
    configs: &[config::Upstream],
    fast_lane: bool,
) -> Result<Vec<UpstreamConfig>, StartError> {
    let configs = configs.iter();
    configs.map(|config| upstream(config, fast_lane)).collect()
}

fn upstream(config: &config::Upstream, fast_lane: bool) -> Result<UpstreamConfig, StartError> {
    let trust = |source: TlsError| StartError::Trust {
        upstream: config.name.clone(),
        source: source.into(),
    };
    Ok(UpstreamConfig {
        name: config.name.to_string(),
        endpoints: config.endpoints.clone(),
        connect_timeout: config.connect_timeout,
        timeout: config.timeout,
        first_byte_timeout: config.first_byte_timeout,
        idle_timeout: config.idle_timeout,
        idle: config.idle,
        protocol: config.protocol,
        policy: config.policy.clone(),
        tls: config
            .ca
            .as_deref()
            .map(|ca| department_config(ca, config.identity.as_ref(), config.protocol.alpn()))
            .transpose()
            .map_err(trust)?,
        server_name: config.server_name.clone(),
        names: Names::of_the_system(),
        fast_lane,
    })
}
