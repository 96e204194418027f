// An HTTP server for one test, on 127.0.0.1: serves one body, with or without ranges, and remembers what was
// asked.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace cg {

class LoopbackServer {
 public:
  enum class Ranges { honoured, ignored };

  LoopbackServer(std::string body, Ranges ranges) : body_(std::move(body)), ranges_(ranges) {
    setenv("no_proxy", "127.0.0.1", 1);
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_, 8) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no loopback socket");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~LoopbackServer() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // The next answers break off after so many bytes of the body.
  void break_after(std::size_t bytes) { break_after_ = bytes; }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    for (;;) {
      const int client = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      answer(client);
      close(client);
    }
  }

  void answer(int client) {
    std::string request;
    char buffer[4096];
    while (!request.contains("\r\n\r\n")) {
      const ssize_t got = read(client, buffer, sizeof buffer);
      if (got <= 0) return;
      request.append(buffer, static_cast<std::size_t>(got));
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    std::size_t from = 0;
    if (const auto at = request.find("Range: bytes="); at != std::string::npos && ranges_ == Ranges::honoured)
      from = std::stoul(request.substr(at + 13));
    std::string reply;
    if (request.contains("/missing")) {
      reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    } else if (from >= body_.size()) {
      reply = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    } else {
      reply = from > 0
                  ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                        std::to_string(body_.size() - 1) + "/" + std::to_string(body_.size()) + "\r\n"
                  : "HTTP/1.1 200 OK\r\n";
      reply += "Content-Length: " + std::to_string(body_.size() - from) + "\r\nConnection: close\r\n\r\n";
      std::string rest = body_.substr(from);
      if (break_after_ > 0) rest = rest.substr(0, break_after_);
      reply += rest;
    }
    for (std::size_t done = 0; done < reply.size();) {
      const ssize_t put = send(client, reply.data() + done, reply.size() - done, MSG_NOSIGNAL);
      if (put <= 0) return;
      done += static_cast<std::size_t>(put);
    }
  }

  std::string body_;
  Ranges ranges_;
  std::size_t break_after_ = 0;
  int socket_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace cg
