//! A connection to the store.

use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script};
use tokio::time::timeout;

use super::message;
use super::store::Store;
use super::why::Why;
use crate::budget::books::{Exchange, Reply};

/// What all of connecting may take; no request waits for it.
const CONNECTING: Duration = Duration::from_secs(2);

/// One connection, and the number of the last exchange on it.
pub struct Link {
    connection: MultiplexedConnection,
    script: Script,
    gateway: String,
    patience: Duration,
    /// The last number that the store has seen from us.
    number: u64,
}

impl Link {
    /// Connects, leaves the script there, and asks which number of ours it has seen last.
    pub async fn open(store: &Store, gateway: &str) -> Result<Link, Why> {
        let opening = Link::open_in_time(store, gateway);
        timeout(CONNECTING, opening)
            .await
            .unwrap_or(Err(Why::Timeout))
    }

    async fn open_in_time(store: &Store, gateway: &str) -> Result<Link, Why> {
        let client = Client::open(store.address.expose_secret()).map_err(|_| Why::Address)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(CONNECTING));
        let opened = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = opened.await.map_err(|error| Why::of_opening(&error))?;
        let script = Script::new(message::SCRIPT);
        let loaded = script.load_async(&mut connection).await;
        loaded.map_err(|error| Why::of_opening(&error))?;
        let mut get = redis::cmd("GET");
        get.arg(message::number_key(gateway));
        let number: Option<u64> = get
            .query_async(&mut connection)
            .await
            .map_err(|error| Why::of_opening(&error))?;
        Ok(Link {
            connection,
            script,
            gateway: gateway.to_owned(),
            patience: store.patience,
            number: number.unwrap_or(0),
        })
    }

    /// One round trip. Also says whether the store has seen our last exchange; if not, it has lost what we told it.
    ///
    /// After an error the connection must not be used again: nobody knows whether the store has heard us.
    pub async fn exchange<W>(
        &mut self,
        exchange: &Exchange<W>,
        now: SystemTime,
    ) -> Result<(Reply, bool), Why> {
        let last = self.number;
        self.number += 1;
        let mut call = self.script.prepare_invoke();
        message::write(&mut call, &self.gateway, (last, self.number), exchange, now);
        let answer = call.invoke_async::<Vec<i64>>(&mut self.connection);
        let numbers = match timeout(self.patience, answer).await {
            Ok(answer) => answer.map_err(|error| Why::of(&error))?,
            Err(_) => return Err(Why::Timeout),
        };
        message::read(&numbers, exchange)
    }
}
