//! The program before: plain functions, eight deep, whose leaf finds what it needs at once.

use super::{Order, price};

/// Whose points are known.
pub struct Shop {
    points: Vec<u32>,
}

impl Shop {
    /// Makes a shop whose customers have these points.
    pub fn new(points: Vec<u32>) -> Shop {
        Shop { points }
    }

    /// Says what an order costs.
    pub fn receipt(&self, order: &Order) -> String {
        let total = self.total(order);
        format!("{} pieces, {total} cents", order.items.len())
    }

    fn total(&self, order: &Order) -> u32 {
        let mut sum = 0;
        for &item in &order.items {
            sum += self.line(order.customer, item);
        }
        sum
    }

    // ANCHOR: caller
    fn line(&self, customer: usize, item: u32) -> u32 {
        self.net(customer, item) + 1
    }
    // ANCHOR_END: caller

    fn net(&self, customer: usize, item: u32) -> u32 {
        price(item) - self.discount(customer, item)
    }

    fn discount(&self, customer: usize, item: u32) -> u32 {
        let percent = self.percent(customer);
        price(item) * percent / 100
    }

    fn percent(&self, customer: usize) -> u32 {
        5 * self.level(customer)
    }

    fn level(&self, customer: usize) -> u32 {
        let points = self.points(customer);
        (points / 100).min(4)
    }

    // ANCHOR: leaf
    fn points(&self, customer: usize) -> u32 {
        self.points[customer]
    }
    // ANCHOR_END: leaf
}
