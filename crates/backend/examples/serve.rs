//! The backend alone, without the shop: configuration on standard input, as the runner gives it.
//!
//! ```text
//! (echo '{"run":"try","jaeger":"127.0.0.1:0","otlp_grpc":"127.0.0.1:0","otlp_http":"127.0.0.1:0",
//!         "prometheus":"127.0.0.1:0","targets":"targets.json"}' | tr -d '\n'; echo; cat) \
//!   | cargo run -p backend --example serve
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    backend::serve()
}
