//! The program with a core that does no input: it says whose points it lacks, and is given them. The
//! shell waits for them.

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

    // ANCHOR: shell
    /// Says what an order costs.
    pub async fn receipt(&self, order: &Order) -> String {
        receipt(order, self.points(order.customer).await)
    }
    // ANCHOR_END: shell

    async fn points(&self, customer: usize) -> u32 {
        sleep(&self.handle, DELAY).await;
        self.points[customer]
    }
}

fn receipt(order: &Order, points: u32) -> String {
    let total = total(order, points);
    format!("{} pieces, {total} cents", order.items.len())
}

fn total(order: &Order, points: u32) -> u32 {
    let mut sum = 0;
    for &item in &order.items {
        sum += line(item, points);
    }
    sum
}

fn line(item: u32, points: u32) -> u32 {
    net(item, points) + 1
}

fn net(item: u32, points: u32) -> u32 {
    price(item) - discount(item, points)
}

fn discount(item: u32, points: u32) -> u32 {
    let percent = percent(points);
    price(item) * percent / 100
}

fn percent(points: u32) -> u32 {
    5 * level(points)
}

fn level(points: u32) -> u32 {
    (points / 100).min(4)
}
