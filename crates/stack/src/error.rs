//! What the user caused, or can do something about, while processes are started.

/// Why a stack does not come up. Everything else travels as `anyhow::Error`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// It was asked for in a way that cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Something did not come up.
    #[error("{message}")]
    Start {
        /// What did not come up.
        message: String,
        /// The last lines that it logged.
        log: Vec<String>,
        /// What to do.
        hint: Option<String>,
    },
}

impl Error {
    /// Something asked for that cannot be, with what to do about it.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: hint.into(),
        }
    }
}
