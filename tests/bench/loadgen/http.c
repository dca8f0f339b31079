#include "http.h"

#include "die.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n <= 0)
            die("HTTP: cannot send: %s", strerror(errno));
        p += n;
        len -= (size_t)n;
    }
}

/* Read until the server closes; the request asks it to. @return octets */
static size_t read_all(int fd, char *buf, size_t cap)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, buf + len, cap - 1 - len);
        if (n < 0)
            die("HTTP: no answer: %s", strerror(errno));
        if (n == 0)
            break;
        len += (size_t)n;
        if (len == cap - 1)
            die("HTTP: answer too long");
    }
    buf[len] = 0;
    return len;
}

static void parse(struct http_reply *out, char *text)
{
    char *body = strstr(text, "\r\n\r\n");
    if (sscanf(text, "HTTP/1.%*d %d", &out->status) != 1 || !body)
        die("HTTP: answer not understood");
    *body = 0;
    out->location[0] = 0;
    for (char *line = strstr(text, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, "location:", 9) == 0)
            sscanf(line + 9, " %255[^\r\n]", out->location);
    }
    snprintf(out->body, sizeof out->body, "%s", body + 4);
}

void http_request(struct http_reply *out, const struct sockaddr_in *server, const char *method,
    const char *path, const char *type, const char *body)
{
    static char text[sizeof out->body];
    char head[1024], host[INET_ADDRSTRLEN];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 10};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (const struct sockaddr *)server, sizeof *server) != 0)
        die("HTTP: cannot connect: %s", strerror(errno));
    inet_ntop(AF_INET, &server->sin_addr, host, sizeof host);
    int n = snprintf(head, sizeof head,
        "%s %s HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: "
        "%zu\r\n\r\n",
        method, path, host, ntohs(server->sin_port), type, strlen(body));
    if (n < 0 || (size_t)n >= sizeof head)
        die("HTTP: path too long");
    write_all(fd, head, (size_t)n);
    write_all(fd, body, strlen(body));
    read_all(fd, text, sizeof text);
    close(fd);
    parse(out, text);
}
