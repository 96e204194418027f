#include "guest_run_tool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <iterator>

#include "accelerator.h"
#include "base/cli/cli.h"
#include "base/process.h"
#include "base/text.h"
#include "bootable.h"
#include "initrd.h"
#include "modules.h"
#include "options.h"
#include "session.h"

namespace cg {
namespace {

constexpr int exit_timeout = 124;
constexpr int exit_failed = 125;
constexpr std::size_t command_line_limit = 2047;  // COMMAND_LINE_SIZE of x86, without its NUL

// SIGINT, SIGTERM and SIGHUP as something to poll; as they were again afterwards.
class SignalGuard {
 public:
  SignalGuard() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, &before_);
    fd_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~SignalGuard() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  int fd() const { return fd_.get(); }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

Result<VmSettings> vm_settings(const GuestRunOptions& options) {
  VmSettings settings;
  const auto qemu = find_program(options.qemu);
  if (!qemu) {
    const std::string package =
        options.qemu == "qemu-system-x86_64" ? "; install it (Debian: qemu-system-x86)" : "";
    return cannot(options.qemu + ": QEMU was not found on PATH" + package);
  }
  settings.qemu = *qemu;
  CG_CHECK(check_bootable(options.kernel));
  settings.kernel = options.kernel;
  if (!options.image.empty()) settings.disks.push_back({options.image, options.changes, options.attachment});
  settings.disks.insert(settings.disks.end(), options.disks.begin(), options.disks.end());
  for (const auto& disk : settings.disks) {
    const UniqueFd fd(
        open(disk.file.c_str(), (disk.changes == Changes::keep ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!fd) return cannot_errno(disk.file.string(), errno);
    if (!std::filesystem::is_regular_file(disk.file) && !std::filesystem::is_block_file(disk.file))
      return cannot(disk.file.string() + ": not a file that can be a disk");
    CG_CHECK(check_raw(fd.get(), disk.file.string()));
  }
  settings.memory_mb = options.memory_mb;
  settings.cpus = options.cpus;
  return settings;
}

std::map<std::string, std::string> guest_config(const GuestRunOptions& options) {
  return {{"root", !options.image.empty()    ? "disk"
                   : !options.initrd.empty() ? "initrd"
                                             : "none"},
          {"init", options.init},
          {"device", options.root_device},
          {"readonly", options.changes == Changes::forbidden ? "1" : "0"},
          {"ready", options.ready},
          {"seconds", fmt::format("{}", options.ready_timeout)}};
}

// Those that nobody named are taken where they are found, and missed where they are not.
Result<std::vector<GuestFile>> modules_for(const GuestRunOptions& options) {
  const ModuleNeeds needs{.image = !options.image.empty(), .pmem = options.attachment == Attachment::pmem};
  if (options.modules == "none") return {};
  if (options.modules != "auto") return guest_modules(options.modules, needs);
  const auto directory = find_modules(options.kernel);
  if (directory.empty()) return {};
  return guest_modules(directory, needs);
}

Request request_of(const GuestRunOptions& options, bool has_input) {
  Request request{.puts = options.puts,
                  .argv = options.argv,
                  .gets = options.gets,
                  .has_input = has_input,
                  .orderly_power_off = options.changes == Changes::keep};
  request.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
  for (const auto& entry : options.environment) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(request.environment, [&](const std::string& other) { return other.starts_with(name); });
    request.environment.push_back(entry);
  }
  return request;
}

// Standard input goes to CMD unless a person would have to type it. A stream of the caller's own (a test) is
// read whole; the process's is passed on as it comes, so that a silent pipe does not hold up the run.
std::optional<Input> input_of(const GuestRunOptions& options, Environment& env) {
  if (options.input == GuestRunOptions::Input::none) return std::nullopt;
  if (&env.in != &std::cin) {
    std::string text(std::istreambuf_iterator<char>(env.in), {});
    if (text.empty()) return std::nullopt;
    return Input{-1, std::move(text)};
  }
  if (fcntl(STDIN_FILENO, F_GETFD) < 0) return std::nullopt;
  if (options.input == GuestRunOptions::Input::automatic && isatty(STDIN_FILENO) == 1) return std::nullopt;
  return Input{STDIN_FILENO, {}};
}

void say_moments(const SessionResult& result, Accelerator accelerator, Environment& env) {
  env.err << fmt::format("guest-run: {}:", name_of(accelerator));
  for (const auto& moment : result.moments)
    env.err << fmt::format(" {} {:.2f} s,", moment.what, moment.seconds);
  env.err << fmt::format(" end {:.2f} s\n", result.seconds);
}

Result<void> write_summary(const GuestRunOptions& options, const SessionResult& result,
                           Accelerator accelerator, int status) {
  std::string moments;
  for (const auto& moment : result.moments)
    moments += fmt::format("{}{{\"what\": \"{}\", \"seconds\": {:.3f}}}", moments.empty() ? "" : ", ",
                           moment.what, moment.seconds);
  return write_file_atomically(
      options.common.output,
      fmt::format("{{\"schema\": \"criu-guest.guest-run/1\", \"exit\": {}, \"accelerator\": \"{}\", "
                  "\"seconds\": {:.3f}, \"moments\": [{}]}}\n",
                  status, name_of(accelerator), result.seconds, moments));
}

Result<int> run_guest(const GuestRunOptions& options, Environment& env) {
  CG_TRY(settings, vm_settings(options));
  CG_TRY(modules, modules_for(options));
  CG_TRY(initrd, make_initrd(options.initrd, guest_archive(guest_config(options), modules)));
  auto input = input_of(options, env);
  CG_TRY(conversation, Conversation::begin(request_of(options, input.has_value()), env.out, env.err));
  UniqueFd console;
  if (!options.console.empty()) {
    console.reset(open(options.console.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!console) return cannot_errno(options.console.string(), errno);
  }

  const SignalGuard signals;
  settings.accelerator = options.accelerator == "kvm" ? Accelerator::kvm
                         : options.accelerator == "tcg"
                             ? Accelerator::tcg
                             : choose_accelerator(settings, cache_directory(env, options.common.cache));
  settings.kernel_arguments =
      base_kernel_arguments(settings.accelerator) + (options.append.empty() ? "" : " " + options.append);
  // The kernel would cut a longer one off without a word.
  if (settings.kernel_arguments.size() > command_line_limit)
    return usage_error(fmt::format("--append: the kernel's command line would have {} bytes; x86 takes {}",
                                   settings.kernel_arguments.size(), command_line_limit));
  CG_TRY(vm, Vm::start(settings, initrd));
  const auto result = run_session(vm, conversation, {options.boot_timeout, options.timeout},
                                  input.value_or(Input{}), signals.fd(), console.get());
  vm.kill();

  int status = conversation.status();
  if (result.ending == Ending::failed) status = exit_failed;
  if (result.ending == Ending::timed_out) status = exit_timeout;
  if (result.ending == Ending::interrupted) status = 128 + result.signal;
  if (result.ending == Ending::complete && conversation.lost_a_file() && status == 0) status = exit_failed;
  for (const auto& complaint : conversation.complaints()) env.err << "guest-run: " << complaint << "\n";
  if (!result.message.empty()) env.err << "guest-run: " << result.message << "\n";
  if (options.common.verbose > 0) say_moments(result, settings.accelerator, env);
  if (options.common.format == "json") CG_CHECK(write_summary(options, result, settings.accelerator, status));
  return status;
}

}  // namespace

int guest_run_main(const Args& args, Environment& env) {
  GuestRunOptions options;
  GuestRunWords words;
  Tool tool = guest_run_tool(options, words);
  tool.run = [&](Context& context) -> Result<int> {
    CG_CHECK(complete(words, context.env, options));
    return run_guest(options, context.env);
  };
  return run_commands(tool, args, env);
}

}  // namespace cg
