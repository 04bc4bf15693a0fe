//! The flows, against stand-ins for launchctl and systemctl.

mod flows;
mod stage;
mod templates;
mod verify;
