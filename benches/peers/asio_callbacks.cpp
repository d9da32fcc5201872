// A TCP echo server on Boost.Asio with completion handlers: one io_context, one thread.
//
// build: c++ -O2 -std=c++20 -o asio-callbacks asio_callbacks.cpp -pthread
// run:   ./asio-callbacks PORT   port 0 lets the system choose; SIGINT and SIGTERM end it
//
// A session lives as long as a handler holds it: the handler of its one outstanding read or write.
// Asio keeps the memory of a finished handler for the next one, so a message allocates nothing.

#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility> // before Asio, which in Boost 1.74 forgets it

#include <boost/asio.hpp>
#include <boost/version.hpp>

namespace asio = boost::asio;
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

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

    void start() {
        error_code error;
        socket_.set_option(tcp::no_delay(true), error);
        if (error) return complain("nodelay", error);
        read();
    }

private:
    void read() {
        auto self = shared_from_this();
        socket_.async_read_some(asio::buffer(chunk_), [this, self](error_code error, std::size_t length) {
            // At the client's end all has been sent back: there is one read or write at a time.
            if (error) return complain("read", error);
            write(length);
        });
    }

    void write(std::size_t length) {
        auto self = shared_from_this();
        asio::async_write(socket_, asio::buffer(chunk_, length), [this, self](error_code error, std::size_t) {
            if (error) return complain("write", error);
            read();
        });
    }

    tcp::socket socket_;
    std::array<char, chunk_size> chunk_;
};

class server {
public:
    server(asio::io_context &context, unsigned short port)
        : acceptor_(context, {asio::ip::address_v4::loopback(), port}), pause_(context) {}

    unsigned short port() const { return acceptor_.local_endpoint().port(); }

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (error == asio::error::operation_aborted) return;
            if (error) {
                complain("accept", error);
                return accept_later();
            }
            std::make_shared<session>(std::move(socket))->start();
            accept();
        });
    }

private:
    // Without descriptors, accept fails at once for as long as a client waits.
    void accept_later() {
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](error_code error) {
            if (!error) accept();
        });
    }

    tcp::acceptor acceptor_;
    asio::steady_timer pause_;
};

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
        server echo(context, static_cast<unsigned short>(std::atoi(words[1])));
        echo.accept();
        std::cout << "listening on 127.0.0.1:" << echo.port() << std::endl;
        context.run();
    } catch (const std::exception &error) {
        std::cerr << "cannot serve: " << error.what() << std::endl;
        return 1;
    }
}
