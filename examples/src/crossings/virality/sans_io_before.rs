//! The program with a core that does no input: it says whose points it lacks, and is given them. The
//! shell finds them at once.

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
        receipt(order, self.points(order.customer))
    }

    fn points(&self, customer: usize) -> u32 {
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
