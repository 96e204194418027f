#include "session.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>

#include "base/text.h"
#include "console.h"

namespace cg {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double farewell_seconds = 2;    // from a panic to QEMU's end
constexpr double power_off_seconds = 30;  // from the guest's last word to QEMU's end
constexpr std::size_t lines_shown = 20;

const char* what_begins(Stage stage) {
  switch (stage) {
    case Stage::booting:
      return "start";
    case Stage::starting:
      return "init";
    case Stage::putting:
      return "ready";
    case Stage::running:
      return "command";
    case Stage::getting:
      return "command ended";
    case Stage::powering_off:
      return "power off";
    case Stage::finished:
      return "finished";
  }
  return "?";
}

class Session {
 public:
  Session(Vm& vm, Conversation& conversation, const Limits& limits, Input input, int signals,
          int console_copy)
      : vm_(vm),
        conversation_(conversation),
        limits_(limits),
        input_(std::move(input)),
        signals_(signals),
        console_copy_(console_copy) {}

  SessionResult run() {
    if (input_.fd < 0) pending_text_ = input_.text;
    note_stage();
    while (!over_) step();
    result_.seconds = elapsed();
    return std::move(result_);
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void end(Ending ending, std::string message) {
    if (over_) return;
    over_ = true;
    result_.ending = ending;
    result_.message = std::move(message);
  }

  std::string with_console(std::string message) const {
    const std::string qemu(trim(messages_));
    if (!qemu.empty()) message += "\nQEMU said: " + qemu;
    const std::string last = console_.last(lines_shown);
    if (last.empty()) return message + "\nThe guest's console stayed empty.";
    message += "\nThe last lines of the guest's console:";
    for (const auto line : split_lines(last)) message.append("\n  | ").append(line);
    return message;
  }

  std::string under_way() const {
    switch (conversation_.stage()) {
      case Stage::booting:
        return "the guest's kernel was still booting";
      case Stage::starting:
        return "the guest was still booting" + (conversation_.waiting_for().empty()
                                                    ? ""
                                                    : " (waiting for " + conversation_.waiting_for() + ")");
      case Stage::putting:
        return "files were being put into the guest";
      case Stage::running:
        return "the command was running";
      case Stage::getting:
        return "the command had ended, files were being fetched";
      default:
        return "the guest was switching off";
    }
  }

  void note_stage() {
    if (noted_ && *noted_ == conversation_.stage()) return;
    noted_ = conversation_.stage();
    result_.moments.push_back({what_begins(*noted_), elapsed()});
    if (*noted_ != Stage::finished) return;
    // A root that is kept is only safe once QEMU has closed it.
    if (std::ranges::any_of(result_.moments, [](const Moment& moment) { return moment.what == "power off"; }))
      farewell(power_off_seconds);
    else
      end(Ending::complete, {});
  }

  // From now on only QEMU's end is waited for, at most so long.
  void farewell(double seconds) {
    if (!farewell_deadline_) farewell_deadline_ = elapsed() + seconds;
  }

  std::optional<double> deadline() const {
    std::optional<double> first = farewell_deadline_;
    const auto consider = [&](double other) { first = first ? std::min(*first, other) : other; };
    if (limits_.total_seconds) consider(*limits_.total_seconds);
    if (conversation_.stage() < Stage::putting) consider(limits_.boot_seconds);
    return first;
  }

  void check_deadlines() {
    const double now = elapsed();
    if (limits_.total_seconds && now >= *limits_.total_seconds)
      return end(Ending::timed_out, with_console(fmt::format("time limit of {} s hit: {}",
                                                             *limits_.total_seconds, under_way())));
    if (farewell_deadline_ && now >= *farewell_deadline_) return gone();
    if (conversation_.stage() < Stage::putting && now >= limits_.boot_seconds)
      end(Ending::failed,
          with_console(fmt::format("{} after {} s (see --boot-timeout)", under_way(), limits_.boot_seconds)));
  }

  // QEMU has ended, or is about to.
  void gone() {
    if (conversation_.stage() == Stage::finished) return end(Ending::complete, {});
    if (const auto panic = console_.panic())
      return end(Ending::failed, with_console("kernel panic in the guest: " + *panic));
    if (const auto complaint = console_.complaint()) return end(Ending::failed, with_console(*complaint));
    if (conversation_.stage() == Stage::booting)
      return end(Ending::failed,
                 with_console("QEMU ended before the guest's first process spoke" +
                              std::string(console_.last(1).empty()
                                              ? "; a kernel that says nothing may lack "
                                                "CONFIG_SERIAL_8250_CONSOLE and CONFIG_VIRTIO_CONSOLE"
                                              : "")));
    end(Ending::failed, with_console("the guest switched itself off or died while " + under_way()));
  }

  void read_console() {
    char buffer[16384];
    const ssize_t got = read(vm_.console(), buffer, sizeof buffer);
    if (got > 0) {
      const std::string_view bytes(buffer, static_cast<std::size_t>(got));
      console_.append(bytes);
      if (console_copy_ >= 0 && !write_all(console_copy_, bytes, "the console's copy")) console_copy_ = -1;
      if (console_.panic()) farewell(farewell_seconds);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      vm_.close_console();
    }
  }

  void read_messages() {
    char buffer[4096];
    const ssize_t got = read(vm_.messages(), buffer, sizeof buffer);
    if (got > 0 && messages_.size() < 16384)
      messages_.append(buffer, static_cast<std::size_t>(got));
    else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
      vm_.close_messages();
  }

  void read_port() {
    char buffer[65536];
    const ssize_t got = read(vm_.port(), buffer, sizeof buffer);
    if (got > 0) {
      const auto taken = conversation_.receive({buffer, static_cast<std::size_t>(got)});
      note_stage();
      if (!taken) end(Ending::failed, with_console(taken.error().message));
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      vm_.close_port();
    }
  }

  void write_port() {
    std::string& bytes = conversation_.outgoing();
    const ssize_t put = send(vm_.port(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put > 0) bytes.erase(0, static_cast<std::size_t>(put));
    if (put < 0 && errno != EAGAIN && errno != EINTR) vm_.close_port();
  }

  void read_input() {
    if (input_.fd < 0) {
      conversation_.input(pending_text_);
      return conversation_.input_ended();
    }
    char buffer[guest::chunk_size];
    const ssize_t got = read(input_.fd, buffer, sizeof buffer);
    if (got > 0)
      conversation_.input({buffer, static_cast<std::size_t>(got)});
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
      conversation_.input_ended();
  }

  void step() {
    if (const auto sent = conversation_.continue_sending(); !sent)
      return end(Ending::failed, sent.error().message);
    if (conversation_.takes_input() && input_.fd < 0) read_input();
    const bool to_send = !conversation_.outgoing().empty();
    pollfd polled[] = {
        {vm_.port(), static_cast<short>(POLLIN | (to_send ? POLLOUT : 0)), 0},
        {vm_.console(), POLLIN, 0},
        {vm_.messages(), POLLIN, 0},
        {conversation_.takes_input() ? input_.fd : -1, POLLIN, 0},
        {signals_, POLLIN, 0},
    };
    int wait = -1;
    if (const auto when = deadline())
      wait = static_cast<int>(std::clamp(std::ceil((*when - elapsed()) * 1000), 0.0, 1e9));
    if (poll(polled, 5, wait) < 0 && errno != EINTR) return end(Ending::failed, "poll failed");
    if (polled[4].revents != 0) {
      signalfd_siginfo info{};
      if (read(signals_, &info, sizeof info) == sizeof info) {
        result_.signal = static_cast<int>(info.ssi_signo);
        return end(Ending::interrupted, "interrupted; " + under_way());
      }
    }
    if (polled[1].revents != 0) read_console();
    if (polled[2].revents != 0) read_messages();
    if ((polled[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_port();
    if (vm_.port() >= 0 && (polled[0].revents & POLLOUT) != 0) write_port();
    if (polled[3].revents != 0) read_input();
    if (over_) return;
    // What the console still holds says why the port was closed.
    if (vm_.port() < 0 && vm_.console() < 0) return gone();
    if (vm_.port() < 0) farewell(farewell_seconds);
    check_deadlines();
  }

  Vm& vm_;
  Conversation& conversation_;
  Limits limits_;
  Input input_;
  int signals_;
  int console_copy_;
  std::string pending_text_;
  Console console_;
  std::string messages_;
  Clock::time_point start_ = Clock::now();
  std::optional<Stage> noted_;
  std::optional<double> farewell_deadline_;
  SessionResult result_;
  bool over_ = false;
};

}  // namespace

SessionResult run_session(Vm& vm, Conversation& conversation, const Limits& limits, Input input, int signals,
                          int console_copy) {
  return Session(vm, conversation, limits, std::move(input), signals, console_copy).run();
}

}  // namespace cg
