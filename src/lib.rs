//! multicode: one access layer in front of many departments.
//!
//! Text in, decision out, bytes forwarded: **a scan is recognised, believed, decided and forwarded,
//! in that order, and every stage hands the next a type that only it can make.**
//!
//! The modules stand below in layers; each uses only those above it. The core is pure: no I/O, no
//! clock, no logging. [`scan`] is the text as the scanner gave it, [`family`] knows what texts look
//! like and reads them, [`classify`] finds the family, [`trust`] makes a verified code of it,
//! [`identity`] knows which terminal sent it, [`policy`] holds it against its scene and place, [`route`] chooses the department, and
//! [`gateway`] is the one function that does all this. [`explain`] runs the same function and tells
//! what it saw.
//!
//! Around it stands the engine: [`server`] turns connections into requests, [`proxy`] requests into
//! scans and decisions into answers, [`upstream`] asks the departments. [`config`] turns files into
//! all of these, [`app`] wires and runs them, [`sandbox`] plays issuer, terminal and department.

// Words and instants.
pub mod pointer;
pub mod printable;
pub mod random;
pub mod reason;
pub mod time;

// The core, in the order a scan meets it.
pub mod scan;

pub mod family;

pub mod classify;

pub mod trust;

pub mod identity;

pub mod policy;

pub mod route;

pub mod gateway;

pub mod explain;

// The engine.
pub mod audit;
pub mod fetch;
pub mod framing;
pub mod keyfile;
pub mod limit;
pub mod metrics;
pub mod state;
pub mod telemetry;
pub mod tick;
pub mod tls;
pub mod upstream;

pub mod proxy;

pub mod server;

pub mod handover;

// Around it.
pub mod sandbox;

pub mod admin;

pub mod config;

pub mod app;
pub mod reload;
pub mod trial;
pub mod watch;

pub mod cli;
