//! The page that all show.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use ureq::Agent;

use crate::contestant::Contestant;

/// How many series there are.
pub(crate) const SERIES: usize = 1000;

/// The family's name and help; `ask.lua` knows the name as well.
pub(crate) const NAME: &str = "load_requests_total";
pub(crate) const HELP: &str = "Requests.";

/// Where the page is.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}/metrics")
}

/// A contestant's page as a client gets it that asks for nothing in particular.
pub(crate) fn fetch(contestant: &Contestant) -> Result<String, Box<dyn Error>> {
    let config =
        Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).accept_encoding("identity");
    let mut response = Agent::from(config.build()).get(url(contestant.address)).call()?;
    Ok(response.body_mut().read_to_string()?)
}

/// Fails unless all pages show the same series, each with exactly what was recorded on it.
pub(crate) fn compare(contestants: &[Contestant]) -> Result<(), Box<dyn Error>> {
    let mut names: Option<Vec<String>> = None;
    for contestant in contestants {
        let page = fetch(contestant)?;
        let found = samples(&page)?;
        check(&found, contestant.passes).map_err(|error| format!("{}: {error}", contestant.name))?;
        let found: Vec<String> = found.into_keys().map(str::to_owned).collect();
        if names.as_ref().is_some_and(|names| *names != found) {
            return Err(format!("{}: its series are not those of the others", contestant.name).into());
        }
        names = Some(found);
    }
    Ok(())
}

/// The family's samples on a page in the text format: the labels as they are written, and the values.
fn samples(page: &str) -> Result<BTreeMap<&str, u64>, Box<dyn Error>> {
    let mut samples = BTreeMap::new();
    for line in page.lines() {
        let Some(rest) = line.strip_prefix(NAME).filter(|rest| rest.starts_with('{')) else { continue };
        let (labels, value) = rest.rsplit_once(' ').ok_or("a sample without a value")?;
        if samples.insert(labels, value.parse()?).is_some() {
            return Err(format!("`{labels}` is there twice").into());
        }
    }
    Ok(samples)
}

/// Fails unless every series is there and shows its own number, which it began with, and the passes.
fn check(samples: &BTreeMap<&str, u64>, passes: u64) -> Result<(), String> {
    if samples.len() != SERIES {
        return Err(format!("the page has {} series, not {SERIES}", samples.len()));
    }
    for (labels, value) in samples {
        let number =
            labels.split_once("/resource/").and_then(|(_, rest)| rest.split('"').next()?.parse::<u64>().ok());
        let expected = number.map(|number| number + passes);
        if expected != Some(*value) {
            return Err(format!("`{labels}` shows {value}, not {expected:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(series: usize, passes: usize) -> String {
        let line = |number| {
            format!("{NAME}{{path=\"/api/v1/resource/{number}\",status=\"200\"}} {}\n", number + passes)
        };
        format!(
            "# TYPE {NAME} counter\n{}other_total{{a=\"b\"}} 1\n",
            (0..series).map(line).collect::<String>()
        )
    }

    #[test]
    fn a_page_is_refused_that_lacks_a_series_or_an_increment() {
        let verdict = |page: &str| check(&samples(page).unwrap(), 5);
        assert_eq!(verdict(&page(SERIES, 5)), Ok(()));
        assert_eq!(verdict(&page(SERIES - 1, 5)), Err("the page has 999 series, not 1000".to_owned()));
        assert!(verdict(&page(SERIES, 4)).unwrap_err().ends_with("shows 4, not Some(5)"));
    }
}
