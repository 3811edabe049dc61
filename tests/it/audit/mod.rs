mod bench;
mod disks;
mod kills;
mod measure;
mod ships;
mod tails;
mod tampering;
