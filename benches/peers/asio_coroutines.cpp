// A TCP echo server on Boost.Asio with C++20 coroutines: one io_context, one thread.
//
// build: c++ -O2 -std=c++20 -o asio-coroutines asio_coroutines.cpp -pthread
// run:   ./asio-coroutines PORT   port 0 lets the system choose; SIGINT and SIGTERM end it
//
// A session is a coroutine: its socket and its buffer live in the coroutine's frame, which is
// allocated once. Asio keeps the frames of finished operations for the next ones.

#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility> // before Asio, which in Boost 1.74 forgets it

#include <boost/asio.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/version.hpp>

namespace asio = boost::asio;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t chunk_size = 16 * 1024;

void complain(const char *what, error_code error) {
    // A client that has gone is no news.
    if (error == asio::error::eof || error == asio::error::connection_reset ||
        error == asio::error::broken_pipe || error == asio::error::operation_aborted)
        return;
    std::cerr << what << ": " << error.message() << std::endl;
}

awaitable<void> echo(tcp::socket socket) {
    error_code error;
    socket.set_option(tcp::no_delay(true), error);
    if (error) co_return complain("nodelay", error);
    std::array<char, chunk_size> chunk;
    for (;;) {
        // Errors are values here: the end of a client is not exceptional.
        std::size_t length = co_await socket.async_read_some(
            asio::buffer(chunk), redirect_error(use_awaitable, error));
        if (error) co_return complain("read", error);
        co_await asio::async_write(socket, asio::buffer(chunk, length),
                                   redirect_error(use_awaitable, error));
        if (error) co_return complain("write", error);
    }
}

awaitable<void> serve(tcp::acceptor acceptor) {
    asio::steady_timer pause(acceptor.get_executor());
    for (;;) {
        error_code error;
        tcp::socket socket = co_await acceptor.async_accept(redirect_error(use_awaitable, error));
        if (!error) {
            asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
            continue;
        }
        complain("accept", error);
        // Without descriptors, accept fails at once for as long as a client waits.
        pause.expires_after(std::chrono::milliseconds(100));
        co_await pause.async_wait(use_awaitable);
    }
}

int main(int count, char **words) {
    if (count == 2 && std::string(words[1]) == "--version") {
        std::cout << "Boost.Asio of Boost " BOOST_LIB_VERSION ", compiler " __VERSION__ << std::endl;
        return 0;
    }
    if (count != 2) {
        std::cerr << "usage: " << words[0] << " PORT" << std::endl;
        return 2;
    }
    try {
        asio::io_context context(1); // one thread: no handler needs a lock
        asio::signal_set signals(context, SIGINT, SIGTERM);
        signals.async_wait([&context](error_code, int) { context.stop(); });
        auto port = static_cast<unsigned short>(std::atoi(words[1]));
        tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
        std::cout << "listening on 127.0.0.1:" << acceptor.local_endpoint().port() << std::endl;
        asio::co_spawn(context, serve(std::move(acceptor)), asio::detached);
        context.run();
    } catch (const std::exception &error) {
        std::cerr << "cannot serve: " << error.what() << std::endl;
        return 1;
    }
}
