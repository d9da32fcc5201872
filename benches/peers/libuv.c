// A TCP echo server on libuv: one loop, one shared buffer, and a write request only when it is needed.
//
// build: cc -O2 -o libuv libuv.c -luv
// run:   ./libuv PORT        port 0 lets the system choose; SIGINT and SIGTERM end it
//
// Every read lands in the one buffer of the process. Most of the time the kernel takes the bytes back
// at once (uv_try_write), so the buffer is free again before the next read. Only what the kernel does
// not take is copied, and the connection is not read until that copy has gone out.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { CHUNK = 16 * 1024, BACKLOG = 1024 };

typedef struct {
    uv_tcp_t socket;
    uv_write_t write;
    char *unsent; // what the kernel has not taken; NULL most of the time
} connection;

static char chunk[CHUNK];

static void complain(const char *what, int error) {
    fprintf(stderr, "%s: %s\n", what, uv_strerror(error));
}

// A client that has gone is no news.
static int is_news(int error) {
    return error != UV_EOF && error != UV_ECONNRESET && error != UV_EPIPE;
}

static void on_closed(uv_handle_t *socket) {
    connection *it = socket->data;
    free(it->unsent);
    free(it);
}

static void end(connection *it, const char *what, int error) {
    if (is_news(error)) complain(what, error);
    if (!uv_is_closing((uv_handle_t *)&it->socket)) uv_close((uv_handle_t *)&it->socket, on_closed);
}

static void on_chunk_wanted(uv_handle_t *socket, size_t suggested, uv_buf_t *buffer) {
    (void)socket, (void)suggested;
    *buffer = uv_buf_init(chunk, CHUNK);
}

static void on_read(uv_stream_t *socket, ssize_t length, const uv_buf_t *buffer);

static void on_written(uv_write_t *write, int error) {
    connection *it = write->handle->data;
    free(it->unsent);
    it->unsent = NULL;
    if (error == UV_ECANCELED) return; // it is closing
    if (error == 0) error = uv_read_start(write->handle, on_chunk_wanted, on_read);
    if (error < 0) end(it, "write", error);
}

static void write_later(connection *it, const char *bytes, size_t length) {
    it->unsent = malloc(length);
    if (it->unsent == NULL) return end(it, "write", UV_ENOMEM);
    memcpy(it->unsent, bytes, length);
    uv_stream_t *socket = (uv_stream_t *)&it->socket;
    uv_read_stop(socket);
    uv_buf_t rest = uv_buf_init(it->unsent, length);
    int error = uv_write(&it->write, socket, &rest, 1, on_written);
    if (error < 0) end(it, "write", error);
}

static void on_read(uv_stream_t *socket, ssize_t length, const uv_buf_t *buffer) {
    connection *it = socket->data;
    if (length == 0) return; // the kernel had nothing after all
    // The end: reading stops while something is unsent, so all that came has been sent back.
    if (length < 0) return end(it, "read", length);
    uv_buf_t bytes = uv_buf_init(buffer->base, length);
    int sent = uv_try_write(socket, &bytes, 1);
    if (sent < 0 && sent != UV_EAGAIN) return end(it, "write", sent);
    if (sent < 0) sent = 0;
    if (sent < length) write_later(it, buffer->base + sent, length - sent);
}

static void on_connection(uv_stream_t *listener, int error) {
    if (error < 0) return complain("accept", error);
    connection *it = calloc(1, sizeof *it);
    if (it == NULL) return complain("accept", UV_ENOMEM);
    error = uv_tcp_init(listener->loop, &it->socket);
    if (error < 0) {
        free(it);
        return complain("accept", error);
    }
    it->socket.data = it;
    uv_stream_t *socket = (uv_stream_t *)&it->socket;
    if ((error = uv_accept(listener, socket)) < 0) return end(it, "accept", error);
    if ((error = uv_tcp_nodelay(&it->socket, 1)) < 0) return end(it, "nodelay", error);
    error = uv_read_start(socket, on_chunk_wanted, on_read);
    if (error < 0) end(it, "read", error);
}

static void close_handle(uv_handle_t *handle, void *unused) {
    (void)unused;
    // Of all handles, only those of connections have data.
    if (!uv_is_closing(handle)) uv_close(handle, handle->data == NULL ? NULL : on_closed);
}

static void on_signal(uv_signal_t *handle, int number) {
    (void)number;
    uv_walk(handle->loop, close_handle, NULL); // the loop ends with its last handle
}

static int listen_on(uv_tcp_t *listener, int port) {
    struct sockaddr_in address;
    int length = sizeof address;
    int error = uv_ip4_addr("127.0.0.1", port, &address);
    if (error == 0) error = uv_tcp_bind(listener, (struct sockaddr *)&address, 0);
    if (error == 0) error = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
    if (error == 0) error = uv_tcp_getsockname(listener, (struct sockaddr *)&address, &length);
    if (error < 0) return error;
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return fflush(stdout) == 0 ? 0 : UV_EIO;
}

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "--version") == 0) {
        return printf("libuv %s, compiler %s\n", uv_version_string(), __VERSION__) < 0;
    }
    if (count != 2) {
        fprintf(stderr, "usage: %s PORT\n", words[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); // a write to a client that has gone is an error, not an end
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    uv_signal_t terminate, interrupt;
    int error = uv_tcp_init(loop, &listener);
    listener.data = NULL;
    if (error == 0) error = uv_signal_init(loop, &terminate);
    if (error == 0) error = uv_signal_init(loop, &interrupt);
    terminate.data = interrupt.data = NULL;
    if (error == 0) error = uv_signal_start(&terminate, on_signal, SIGTERM);
    if (error == 0) error = uv_signal_start(&interrupt, on_signal, SIGINT);
    if (error == 0) error = listen_on(&listener, atoi(words[1]));
    if (error < 0) {
        complain("cannot listen", error);
        return 1;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? 0 : 1;
}
