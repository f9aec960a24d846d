//! What can be wrong with credentials.

use thiserror::Error;

/// Says why the configured credentials cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There are neither users nor tokens, and so nobody could see the page.
    #[error("authentication without users and tokens lets nobody in")]
    Empty,
    /// A user's name cannot be sent.
    #[error("invalid user `{name}`: it is not empty and holds neither `:` nor control characters")]
    InvalidUser {
        /// The name.
        name: String,
    },
    /// What should be a user's hash is no hash of bcrypt, or takes too long to check. The error does not hold it.
    #[error("the password hash of user `{name}` is no hash of bcrypt with a cost between 4 and 16")]
    InvalidHash {
        /// The user's name.
        name: String,
    },
    /// A bearer token cannot be sent. The error does not hold it.
    #[error("bearer token {index} is invalid: it is made of letters, digits, `-._~+/` and then `=`")]
    InvalidToken {
        /// Which one, from 0 on.
        index: usize,
    },
}
