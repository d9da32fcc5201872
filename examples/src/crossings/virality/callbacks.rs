//! The program with callbacks: every function takes one, what follows a call is in it, and the loop
//! is a function more, which calls itself.

use std::io;
use std::rc::Rc;
use std::vec::IntoIter;

use api_callbacks::sleep;
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
    pub fn receipt(self: &Rc<Self>, order: Order, done: impl FnOnce(io::Result<String>) + 'static) {
        let pieces = order.items.len();
        self.total(order, move |total| {
            done(total.map(|total| format!("{pieces} pieces, {total} cents")));
        });
    }

    fn total(self: &Rc<Self>, order: Order, done: impl FnOnce(io::Result<u32>) + 'static) {
        self.add_up(order.customer, order.items.into_iter(), 0, done);
    }

    fn add_up(
        self: &Rc<Self>,
        customer: usize,
        mut items: IntoIter<u32>,
        sum: u32,
        done: impl FnOnce(io::Result<u32>) + 'static,
    ) {
        let Some(item) = items.next() else { return done(Ok(sum)) };
        let shop = self.clone();
        self.line(customer, item, move |line| match line {
            Ok(line) => shop.add_up(customer, items, sum + line, done),
            Err(error) => done(Err(error)),
        });
    }

    // ANCHOR: caller
    fn line(
        self: &Rc<Self>,
        customer: usize,
        item: u32,
        done: impl FnOnce(io::Result<u32>) + 'static,
    ) {
        self.net(customer, item, |net| done(net.map(|net| net + 1)));
    }
    // ANCHOR_END: caller

    fn net(
        self: &Rc<Self>,
        customer: usize,
        item: u32,
        done: impl FnOnce(io::Result<u32>) + 'static,
    ) {
        self.discount(customer, item, move |discount| {
            done(discount.map(|discount| price(item) - discount));
        });
    }

    fn discount(
        self: &Rc<Self>,
        customer: usize,
        item: u32,
        done: impl FnOnce(io::Result<u32>) + 'static,
    ) {
        self.percent(customer, move |percent| {
            done(percent.map(|percent| price(item) * percent / 100));
        });
    }

    fn percent(self: &Rc<Self>, customer: usize, done: impl FnOnce(io::Result<u32>) + 'static) {
        self.level(customer, |level| done(level.map(|level| 5 * level)));
    }

    fn level(self: &Rc<Self>, customer: usize, done: impl FnOnce(io::Result<u32>) + 'static) {
        self.points(customer, |points| done(points.map(|points| (points / 100).min(4))));
    }

    fn points(self: &Rc<Self>, customer: usize, done: impl FnOnce(io::Result<u32>) + 'static) {
        let shop = self.clone();
        sleep(&self.handle, DELAY, move |slept| done(slept.map(|()| shop.points[customer])));
    }
}
