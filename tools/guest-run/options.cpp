#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/text.h"

namespace cg {
namespace {

constexpr char description[] =
    "Boots a kernel and an image in QEMU, runs one command in the guest, and makes the command's standard "
    "output,\n"
    "standard error and exit status its own. Needs neither root nor a network.";

constexpr char footer[] =
    "Exit status: CMD's own; 128+N: CMD was killed by signal N; 126/127: CMD is not executable/not found;\n"
    "125: guest-run, QEMU or the guest failed; 124: the time limit was hit; 2: usage.\n"
    "Without --image and --initrd the guest's root is empty: put a static program into it.";

std::optional<unsigned> octal(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size() || text.size() < 3 || value > 07777)
    return std::nullopt;
  return value;
}

struct Raw {
  std::string kernel, image, initrd, console;
  std::string image_as = "blk";
  std::vector<std::string> puts, gets, disks, environment;
  double timeout = 0;
  bool read_only = false, persist = false, snapshot = false, input = false, no_input = false;
};

// What CLI11 cannot judge.
Result<void> complete(const Raw& raw, Environment& env, GuestRunOptions& options) {
  options.kernel = raw.kernel;
  options.image = raw.image;
  options.initrd = raw.initrd;
  options.console = raw.console;
  if (raw.read_only + raw.persist + raw.snapshot > 1)
    return usage_error("only one of --read-only, --snapshot and --persist can hold");
  if (raw.input && raw.no_input) return usage_error("only one of --stdin and --no-stdin can hold");
  if (!raw.image.empty() && !raw.initrd.empty())
    return usage_error(
        "--image and --initrd both name the root of the guest; give one of them (and --disk FILE for another "
        "disk)");
  if (raw.persist && raw.image.empty()) return usage_error("--persist needs --image");
  options.changes = raw.read_only ? Changes::forbidden : raw.persist ? Changes::keep : Changes::discard;
  if (raw.image_as == "pmem") options.attachment = Attachment::pmem;
  if (raw.input) options.input = GuestRunOptions::Input::wanted;
  if (raw.no_input) options.input = GuestRunOptions::Input::none;
  if (raw.timeout > 0) options.timeout = raw.timeout;
  if (options.init != "auto" && options.init != "image" && options.init != "none" &&
      !options.init.starts_with('/'))
    return usage_error(fmt::format("--init {}: must be auto, image, none or an absolute path{}", options.init,
                                   did_you_mean(options.init, {"auto", "image", "none"})));
  if (options.ready != "auto" && options.ready != "none" && !options.ready.starts_with('/'))
    return usage_error(fmt::format("--ready {}: must be auto, none or an absolute path", options.ready));
  if (options.root_device != "auto" && !options.root_device.starts_with("/dev/"))
    return usage_error(
        fmt::format("--root-device {}: must be auto or a path below /dev", options.root_device));
  // Each of these is a line of the guest's configuration.
  for (const auto& value : {options.init, options.ready, options.root_device})
    if (value.contains('\n')) return usage_error("an option has a newline in it");
  for (const auto& text : raw.puts) {
    CG_TRY(put, parse_put(text));
    options.puts.push_back(std::move(put));
  }
  for (const auto& text : raw.gets) {
    CG_TRY(get, parse_get(text));
    options.gets.push_back(std::move(get));
  }
  for (const auto& text : raw.disks) {
    const bool read_only = text.ends_with(":ro");
    options.disks.push_back({text.substr(0, text.size() - (read_only ? 3 : 0)),
                             read_only ? Changes::forbidden : options.changes});
  }
  for (const auto& text : raw.environment) {
    if (text.contains('=')) {
      options.environment.push_back(text);
    } else if (const auto value = env.variable(text)) {
      options.environment.push_back(text + "=" + *value);
    }
  }
  if (options.common.format == "json" && options.common.output.empty())
    return usage_error("--format json needs -o FILE: standard output belongs to CMD");
  if (options.argv.empty())
    return usage_error("no command; put it behind --, as in: guest-run --kernel K --image I -- uname -a");
  if (options.cpus == 0) options.cpus = std::clamp(std::thread::hardware_concurrency(), 1U, 2U);
  return {};
}

}  // namespace

Result<PutFile> parse_put(const std::string& text) {
  PutFile put;
  std::string rest = text;
  const auto last = rest.rfind(':');
  if (last != std::string::npos) {
    if (const auto mode = octal(std::string_view(rest).substr(last + 1))) {
      put.mode = mode;
      rest.resize(last);
    }
  }
  const auto split_at = rest.rfind(":/");
  if (split_at == std::string::npos || split_at == 0)
    return usage_error(fmt::format("--put {}: must be SRC:DEST[:MODE] with an absolute DEST", text));
  put.from = rest.substr(0, split_at);
  put.to = rest.substr(split_at + 1);
  if (put.to.ends_with('/')) put.to += put.from.filename().string();
  return put;
}

Result<GetFile> parse_get(const std::string& text) {
  const auto colon = text.find(':');
  GetFile get{text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
  if (colon == std::string::npos) get.to = std::filesystem::path(get.from).filename();
  if (!get.from.starts_with('/') || get.to.empty())
    return usage_error(
        fmt::format("--get {}: must be GUESTPATH[:HOSTPATH] with an absolute GUESTPATH", text));
  if (get.to.string().ends_with('/')) get.to /= std::filesystem::path(get.from).filename();
  return get;
}

std::expected<GuestRunOptions, int> parse_guest_run(const Args& args, Environment& env) {
  GuestRunOptions options;
  Raw raw;
  CLI::App app(description, "guest-run");
  app.footer(footer);
  app.option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);  // a wrapper's options can be overridden
  add_common_options(app, options.common);
  app.add_option("-o,--output", options.common.output,
                 "With --format json: where the summary of the run goes");
  app.add_option("--kernel", raw.kernel, "bzImage, or ELF vmlinux with a PVH entry")->required();
  app.add_option("--image", raw.image, "Raw image of the root: a file system, or a disk with partitions");
  app.add_option("--initrd", raw.initrd, "The root is this initrd (cpio, compressed or not)");
  app.add_option("--image-as", raw.image_as,
                 "What the guest sees the image as: blk (/dev/vda) or pmem (an NVDIMM, /dev/pmem0)")
      ->check(CLI::IsMember(std::vector<std::string>{"blk", "pmem"}))
      ->capture_default_str();
  app.add_option("--disk", raw.disks, "Another raw disk, in order /dev/vdb, ...; FILE:ro is read-only")
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--put", raw.puts, "SRC:DEST[:MODE], a file for the guest, before CMD")
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--get", raw.gets, "GUESTPATH[:HOSTPATH], a file from the guest, after CMD")
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--timeout", raw.timeout, "Limit for the whole run, in seconds (default: none)")
      ->check(CLI::PositiveNumber);
  app.add_option("--boot-timeout", options.boot_timeout, "Limit for the boot until CMD starts, in seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--memory", options.memory_mb, "The guest's memory in MB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.add_option("--cpus", options.cpus, "The guest's CPUs (default: the host's, at most 2)")
      ->check(CLI::Range(1, 240));
  app.add_option("--append", options.append, "More kernel arguments; they come last and win");
  app.add_option("--env", raw.environment, "K=V for CMD; K alone takes it from here")
      ->allow_extra_args(false)
      ->take_all();
  app.add_option(
         "--init", options.init,
         "PID 1 of the guest: auto (the image's if it has one), image, none (guest-run's own), or a path")
      ->capture_default_str();
  app.add_option("--ready", options.ready,
                 "When CMD may start: auto (systemd's default target, or /run/guest-ready), none, or a path "
                 "that appears")
      ->capture_default_str();
  app.add_option("--ready-timeout", options.ready_timeout,
                 "Limit for that, in seconds (default: 30, systemd 180)")
      ->check(CLI::PositiveNumber);
  app.add_option("--root-device", options.root_device,
                 "auto: the image, or its first partition that holds a file system")
      ->capture_default_str();
  app.add_flag("--read-only", raw.read_only, "The image is a read-only disk, mounted read-only");
  app.add_flag("--snapshot", raw.snapshot, "Changes to the image are discarded (default)");
  app.add_flag("--persist", raw.persist, "Changes to the image are kept; the guest is switched off in order");
  app.add_flag("--stdin", raw.input, "Pass standard input to CMD, even from a terminal");
  app.add_flag("--no-stdin", raw.no_input, "Leave standard input alone (default on a terminal)");
  app.add_option("--console", raw.console, "Write the guest's console to this file as well");
  app.add_option("--accel", options.accelerator, "auto uses KVM after a proof that a guest starts under it")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "tcg", "kvm"}))
      ->capture_default_str();
  app.add_option("--qemu", options.qemu, "The QEMU to run")->capture_default_str();

  const auto dashes = std::ranges::find(args, "--");
  if (const auto status = parse_command_line(app, Args(args.begin(), dashes), env))
    return std::unexpected(*status);
  if (dashes != args.end()) options.argv.assign(dashes + 1, args.end());
  if (const auto good = complete(raw, env, options); !good)
    return std::unexpected(report_error(good.error(), "guest-run", env));
  return options;
}

}  // namespace cg
