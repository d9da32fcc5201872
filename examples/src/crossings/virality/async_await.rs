//! The program with async: every function is marked, every call awaits, and nothing moves.

use api_async::sleep;
use loop_core::LoopHandle;

use super::{DELAY, Order, price};

/// Whose points are known, later.
pub struct Shop {
    points: Vec<u32>,
    handle: LoopHandle,
}

impl Shop {
    /// Makes a shop whose customers have these points.
    pub fn new(points: Vec<u32>, handle: LoopHandle) -> Shop {
        Shop { points, handle }
    }

    /// Says what an order costs.
    pub async fn receipt(&self, order: &Order) -> String {
        let total = self.total(order).await;
        format!("{} pieces, {total} cents", order.items.len())
    }

    async fn total(&self, order: &Order) -> u32 {
        let mut sum = 0;
        for &item in &order.items {
            sum += self.line(order.customer, item).await;
        }
        sum
    }

    // ANCHOR: caller
    async fn line(&self, customer: usize, item: u32) -> u32 {
        self.net(customer, item).await + 1
    }
    // ANCHOR_END: caller

    async fn net(&self, customer: usize, item: u32) -> u32 {
        price(item) - self.discount(customer, item).await
    }

    async fn discount(&self, customer: usize, item: u32) -> u32 {
        let percent = self.percent(customer).await;
        price(item) * percent / 100
    }

    async fn percent(&self, customer: usize) -> u32 {
        5 * self.level(customer).await
    }

    async fn level(&self, customer: usize) -> u32 {
        let points = self.points(customer).await;
        (points / 100).min(4)
    }

    // ANCHOR: leaf
    async fn points(&self, customer: usize) -> u32 {
        sleep(&self.handle, DELAY).await;
        self.points[customer]
    }
    // ANCHOR_END: leaf
}
