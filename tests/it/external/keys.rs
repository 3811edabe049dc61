use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use multicode::family::{Algorithm, PurposeSet};
use multicode::time::Timestamp;
use multicode::trust::material::{Origin, Reading, read};

use super::{bytes_of, corpus};

#[test]
fn external_key_sets_load() {
    let network = Reading {
        from: Origin::Network,
        ..Reading::default()
    };
    let sets = [
        ("valid_key.json", 1),
        ("valid_key_with_x5c.json", 1),
        ("valid_2_chain.public.json", 1),
        ("valid_keys.json", 3),
    ];
    for (name, count) in sets {
        let Some(bytes) = bytes_of("external_key_sets_load", &format!("shc/{name}")) else {
            continue;
        };
        let material = read(&bytes, &network).unwrap();
        assert_eq!(material.rejected, [], "{name}");
        assert_eq!(material.keys.len(), count, "{name}");
        for key in material.keys {
            assert_eq!(key.algorithm, Algorithm::Es256);
            assert_eq!(key.id.unwrap().len(), 43);
        }
    }
}

#[test]
fn external_signer_certificates_load() {
    for name in ["CO1", "CO3", "H1", "Z1"] {
        let name = format!("dcc/{name}.json");
        let Some(corpus) = corpus("external_signer_certificates_load", &name) else {
            continue;
        };
        let context = &corpus["TESTCTX"];
        let Some(certificate) = context["CERTIFICATE"].as_str() else {
            continue;
        };
        let now = Timestamp::parse(context["VALIDATIONCLOCK"].as_str().unwrap()).unwrap();
        let der = STANDARD.decode(certificate).unwrap();
        let pem =
            format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
        for bytes in [der, pem.into_bytes()] {
            let material = read(&bytes, &Reading::default()).unwrap();
            assert_eq!(material.rejected, [], "{name}");
            let key = &material.keys[0];
            assert!(key.window.contains(now), "{name}");
            assert_eq!(key.id.as_deref().map(str::len), Some(12));
            assert!(key.purposes.covers(PurposeSet::EMPTY) && !key.purposes.is_empty());
        }
    }
}
