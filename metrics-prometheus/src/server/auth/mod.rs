//! Who may see the page.
//!
//! - here: [`AuthConfig`].
//! - `error`: [`AuthError`].
//! - `gate`: what checks a request's credentials.
//! - `remembered`: what came of checks a short time ago.

mod error;
mod gate;
mod remembered;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use self::error::AuthError;
pub(super) use self::gate::Gate;

/// Users with passwords, and bearer tokens, of which a request for the page needs one.
///
/// A request without is answered with 401 and `WWW-Authenticate`. Passwords are known by their bcrypt hashes alone, as
/// `htpasswd -nBC 10 "" | tr -d ':\n'` prints one; of a password longer than 71 bytes, bcrypt looks at the first 72. An
/// unknown user's password is checked as well, against a hash that no password has, so that the time of the answer does
/// not tell who is known; that holds as long as all hashes have the same cost. Tokens are compared in constant time.
///
/// What came of a check is remembered for [five minutes](Self::with_memory), of right credentials from their last use on, since bcrypt is slow on purpose: of up to 64
/// right and 64 wrong credentials, and as a salted SHA-256. Up to [2 checks](Self::with_check_limit) run at a time, on
/// tokio's blocking pool; when 16 times as many wait, the next request is answered with 503. So a flood of wrong passwords
/// keeps out whoever is not remembered; tokens are compared at once, and are not kept out.
///
/// # Examples
///
/// ```
/// use nilometer_prometheus::{AuthConfig, ServerConfig};
///
/// let hash = "$2b$10$8yRHbTPQCzTAkpR5TGnFVOSQY3ZH0PZeu2sPrVX1Z5n9dPJnYs8W2";
/// let auth = AuthConfig::new().with_user("prometheus", hash).with_bearer_token("f8bf35b8e2c14d0a");
/// let config = ServerConfig::new().with_auth(auth);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AuthConfig {
    users: BTreeMap<String, String>,
    tokens: Vec<String>,
    check_limit: usize,
    memory: Duration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        AuthConfig {
            users: BTreeMap::new(),
            tokens: Vec::new(),
            check_limit: 2,
            memory: Duration::from_mins(5),
        }
    }
}

impl AuthConfig {
    /// Nobody: [`AuthError::Empty`] until somebody is added.
    #[must_use]
    pub fn new() -> AuthConfig {
        AuthConfig::default()
    }

    /// Adds a user by the bcrypt hash of the password, or gives one another password.
    #[must_use]
    pub fn with_user(mut self, name: impl Into<String>, hash: impl Into<String>) -> Self {
        self.users.insert(name.into(), hash.into());
        self
    }

    /// Adds a token. Since it is compared as it is, it should be long and random.
    #[must_use]
    pub fn with_bearer_token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// Sets how many passwords are checked at a time, at least 1; each keeps a processor busy.
    #[must_use]
    pub fn with_check_limit(mut self, checks: usize) -> Self {
        self.check_limit = checks.max(1);
        self
    }

    /// Sets for how long what came of a check is remembered, of right credentials from their last use on; zero checks each
    /// request. More than the interval between two scrapes is what keeps a flood of wrong passwords from holding them up.
    #[must_use]
    pub fn with_memory(mut self, memory: Duration) -> Self {
        self.memory = memory;
        self
    }
}

/// Without hashes and tokens.
impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("users", &self.users.keys())
            .field("tokens", &self.tokens.len())
            .field("check_limit", &self.check_limit)
            .field("memory", &self.memory)
            .finish()
    }
}
