//! The chassis as a process: start, requests, drain, kill.

#[path = "process/mini.rs"]
mod mini;
#[path = "process/sink.rs"]
mod sink;

#[path = "process/admin.rs"]
mod admin;
#[path = "process/export.rs"]
mod export;
#[path = "process/life.rs"]
mod life;
#[path = "process/profile.rs"]
mod profile;
#[path = "process/request.rs"]
mod request;
