//! The program with promises: every function returns one, what follows a call is a handler, and the
//! loop is a fold over the chain.

use std::io;
use std::rc::Rc;

use api_promises::{Promise, sleep};
use loop_core::LoopHandle;

use super::{DELAY, Order, price};

/// Whose points are known, later.
pub struct Shop {
    points: Vec<u32>,
    handle: LoopHandle,
}

impl Shop {
    /// Makes a shop whose customers have these points.
    pub fn new(points: Vec<u32>, handle: LoopHandle) -> Rc<Shop> {
        Rc::new(Shop { points, handle })
    }

    /// Says what an order costs.
    pub fn receipt(self: &Rc<Self>, order: Order) -> Promise<String, io::Error> {
        let pieces = order.items.len();
        self.total(order).map(move |total| format!("{pieces} pieces, {total} cents"))
    }

    fn total(self: &Rc<Self>, order: Order) -> Promise<u32, io::Error> {
        let mut sum = Promise::resolve(&self.handle, 0);
        for item in order.items {
            let shop = self.clone();
            sum = sum.then(move |sum| shop.line(order.customer, item).map(move |line| sum + line));
        }
        sum
    }

    // ANCHOR: caller
    fn line(self: &Rc<Self>, customer: usize, item: u32) -> Promise<u32, io::Error> {
        self.net(customer, item).map(|net| net + 1)
    }
    // ANCHOR_END: caller

    fn net(self: &Rc<Self>, customer: usize, item: u32) -> Promise<u32, io::Error> {
        self.discount(customer, item).map(move |discount| price(item) - discount)
    }

    fn discount(self: &Rc<Self>, customer: usize, item: u32) -> Promise<u32, io::Error> {
        self.percent(customer).map(move |percent| price(item) * percent / 100)
    }

    fn percent(self: &Rc<Self>, customer: usize) -> Promise<u32, io::Error> {
        self.level(customer).map(|level| 5 * level)
    }

    fn level(self: &Rc<Self>, customer: usize) -> Promise<u32, io::Error> {
        self.points(customer).map(|points| (points / 100).min(4))
    }

    fn points(self: &Rc<Self>, customer: usize) -> Promise<u32, io::Error> {
        let shop = self.clone();
        sleep(&self.handle, DELAY).map(move |()| shop.points[customer])
    }
}
