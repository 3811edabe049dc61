//! Authorities of one test, what they sign and take back, and clients that trust them.

use std::fs;
use std::io::{BufReader, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use multicode::tls::client_config;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::{Client, EAN, Files, SOON, keep, post};

/// An authority whose files lie among those of a gateway.
pub(super) struct Authority {
    name: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What is asked of an authority.
pub(super) struct Wish<'a> {
    /// The files are called that, `NAME.pem` and `NAME.key`.
    pub(super) file: &'a str,
    /// DNS names.
    pub(super) names: &'a [&'a str],
    /// By which a list takes it back.
    pub(super) serial: u64,
    /// The years between which it is good.
    pub(super) years: (i32, i32),
}

impl<'a> Wish<'a> {
    pub(super) fn new(file: &'a str, names: &'a [&'a str]) -> Self {
        Self {
            file,
            names,
            serial: 1,
            years: (2020, 2100),
        }
    }
}

impl Authority {
    /// Makes one; its certificate is in `NAME.pem`.
    pub(super) fn new(files: &Files, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_after = date_time_ymd(2100, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        files.write(&format!("{name}.pem"), &certificate.pem());
        Self {
            name: name.to_owned(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Signs a certificate for servers and clients alike.
    pub(super) fn sign(&self, files: &Files, wish: &Wish<'_>) {
        let names: Vec<_> = wish.names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(SerialNumber::from(wish.serial));
        params.not_before = date_time_ymd(wish.years.0, 1, 1);
        params.not_after = date_time_ymd(wish.years.1, 1, 1);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        files.write(&format!("{}.pem", wish.file), &certificate.pem());
        keep(
            &files.path(&format!("{}.key", wish.file)),
            &key.serialize_pem(),
        );
    }

    /// Takes these back, in `NAME.crl`.
    pub(super) fn take_back(&self, files: &Files, serials: &[u64]) {
        let taken = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2021, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: taken.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap();
        files.write(&format!("{}.crl", self.name), &list.pem().unwrap());
    }
}

/// Puts this `tls` into the first listener.
pub(super) fn secure(files: &Files, tls: &str) {
    let line = format!("[listener.scan]\ntls = {{ {tls} }}\n");
    files.change("routes.toml", "[listener.scan]\n", &line);
}

/// Who trusts the authority in a file, and shows a certificate if one is named.
pub(super) fn client(files: &Files, ca: &str, shown: Option<&str>) -> ClientConfig {
    let config = client_config(&files.path(&format!("{ca}.pem"))).unwrap();
    let mut config = Arc::unwrap_or_clone(config);
    if let Some(name) = shown {
        let shown = rustls::sign::SingleCertAndKey::from(certified(files, name));
        config.client_auth_cert_resolver = Arc::new(shown);
    }
    config
}

fn certified(files: &Files, name: &str) -> rustls::sign::CertifiedKey {
    let chain = CertificateDer::from_pem_file(files.path(&format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(files.path(&format!("{name}.key"))).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    rustls::sign::CertifiedKey::from_der(vec![chain], key, &provider).unwrap()
}

/// The same client with these versions alone.
pub(super) fn only(
    files: &Files,
    ca: &str,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(leaf(files, ca)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The first certificate of `NAME.pem`.
pub(super) fn leaf(files: &Files, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(files.path(&format!("{name}.pem"))).unwrap()
}

/// An HTTP client over TLS.
pub(super) type Secured = Client<StreamOwned<ClientConnection, TcpStream>>;

/// Connects under a name; nothing is said yet, not even a greeting.
pub(super) fn dial(address: SocketAddr, config: &Arc<ClientConfig>, name: &str) -> Secured {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let session = ClientConnection::new(Arc::clone(config), name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    Client(BufReader::new(StreamOwned::new(session, stream)))
}

/// Scans something; whether it was answered.
pub(super) fn scans(client: &mut Secured) -> bool {
    client.try_write(post("/v1/scan", "", EAN));
    let mut first = [0];
    let answered = client.0.read(&mut first).is_ok_and(|read| read == 1);
    if answered {
        assert_eq!(&first, b"H");
        let rest = client.answer();
        assert_eq!(rest.status, 200, "{rest:?}");
    }
    answered
}

/// Whether a scan over a connection of its own is answered.
pub(super) fn is_let_in(address: SocketAddr, config: ClientConfig) -> bool {
    scans(&mut dial(address, &Arc::new(config), "localhost"))
}

/// Puts a file in the place of another, at once.
pub(super) fn replace(files: &Files, from: &str, to: &str) {
    for end in ["pem", "key"] {
        let path = |name: &str| files.path(&format!("{name}.{end}"));
        fs::rename(path(from), path(to)).unwrap();
    }
}

/// Lets others than its owner read a file.
pub(super) fn open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

/// An OCSP response about the certificate of this serial number, good until 2100. Who signed it is for
/// others to find out.
pub(super) fn ocsp(serial: u8) -> Vec<u8> {
    let der = |tag: u8, parts: &[&[u8]]| {
        let value = parts.concat();
        let length = u8::try_from(value.len()).unwrap();
        let length = if length < 128 {
            vec![length]
        } else {
            vec![0x81, length]
        };
        [&[tag], &length[..], &value].concat()
    };
    // RFC 6960, section 4.2.1.
    let sha256 = der(6, &[&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]]);
    let ecdsa = der(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let basic = der(6, &[&[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]]);
    let hash = der(4, &[&[7; 20]]);
    let number = der(2, &[&[serial]]);
    let about = der(0x30, &[&der(0x30, &[&sha256]), &hash, &hash, &number]);
    let time = der(0x18, &[b"20210101000000Z"]);
    let next = der(0xa0, &[&der(0x18, &[b"21000101000000Z"])]);
    let answer = der(0x30, &[&about, &[0x80, 0], &time, &next]);
    let responder = der(0xa2, &[&hash]);
    let data = der(0x30, &[&responder, &time, &der(0x30, &[&answer])]);
    let signature = der(3, &[&[0; 9]]);
    let whole = der(0x30, &[&data, &der(0x30, &[&ecdsa]), &signature]);
    let bytes = der(0x30, &[&basic, &der(4, &[&whole])]);
    der(0x30, &[&[10, 1, 0], &der(0xa0, &[&bytes])])
}
