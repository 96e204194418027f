#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/cli/describe.h"
#include "base/text.h"

namespace cg {
namespace {

constexpr int exit_failed = 125;
constexpr OptionTraits::Range positive{0.001, 1e9};

std::optional<unsigned> octal(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size() || text.size() < 3 || value > 07777)
    return std::nullopt;
  return value;
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

Result<void> complete(const GuestRunWords& words, const Environment& env, GuestRunOptions& options) {
  if (words.read_only + words.persist + words.snapshot > 1)
    return usage_error("only one of --read-only, --snapshot and --persist can hold");
  if (words.input && words.no_input) return usage_error("only one of --stdin and --no-stdin can hold");
  if (!options.image.empty() && !options.initrd.empty())
    return usage_error(
        "--image and --initrd both name the root of the guest; give one of them (and --disk FILE for another "
        "disk)");
  if (words.persist && options.image.empty()) return usage_error("--persist needs --image");
  options.changes = words.read_only ? Changes::forbidden : words.persist ? Changes::keep : Changes::discard;
  if (words.image_as == "pmem") options.attachment = Attachment::pmem;
  if (words.input) options.input = GuestRunOptions::Input::wanted;
  if (words.no_input) options.input = GuestRunOptions::Input::none;
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
  for (const auto& text : words.puts) {
    CG_TRY(put, parse_put(text));
    options.puts.push_back(std::move(put));
  }
  for (const auto& text : words.gets) {
    CG_TRY(get, parse_get(text));
    options.gets.push_back(std::move(get));
  }
  for (const auto& text : words.disks) {
    const bool read_only = text.ends_with(":ro");
    options.disks.push_back({text.substr(0, text.size() - (read_only ? 3 : 0)),
                             read_only ? Changes::forbidden : options.changes});
  }
  for (const auto& text : words.environment) {
    if (text.contains('=')) {
      options.environment.push_back(text);
    } else if (const auto value = env.variable(text)) {
      options.environment.push_back(text + "=" + *value);
    }
  }
  if (options.common.format == "json" && options.common.output.empty())
    return usage_error("--format json needs -o FILE: standard output belongs to CMD");
  if (options.common.output == "-")
    return usage_error("-o -: standard output belongs to CMD; name a file for the summary");
  if (options.console == "-")
    return usage_error("--console -: standard output belongs to CMD; --console /dev/stderr shows it");
  if (options.argv.empty())
    return usage_error("no command; put it behind --, as in: guest-run --kernel K --image I -- uname -a");
  if (options.cpus == 0) options.cpus = std::clamp(std::thread::hardware_concurrency(), 1U, 2U);
  return {};
}

Tool guest_run_tool(GuestRunOptions& options, GuestRunWords& words) {
  Tool tool;
  tool.name = "guest-run";
  tool.help =
      "Boots a kernel and an image in QEMU, runs one command in the guest, and makes the command's standard "
      "output, "
      "standard error and exit status its own. Needs neither root nor a network.";
  tool.common = &options.common;
  tool.passthrough = &options.argv;
  tool.repeated = Tool::Repeated::last_counts;  // a wrapper's options can be overridden
  tool.options = {
      {"--kernel", &options.kernel, "bzImage, or ELF vmlinux with a PVH entry", {.required = true}},
      {"--image", &options.image, "Raw image of the root: a file system, or a disk with partitions"},
      {"--initrd", &options.initrd, "The root is this initrd (cpio, compressed or not)"},
      {"--modules DIR",
       &options.modules,
       "Modules of a kernel that does not have its disk and console in itself (a distribution's): a "
       "/lib/modules/RELEASE; auto: lib/modules/RELEASE beside the kernel, or this machine's; none",
       {.known = known_names({"auto", "none"})}},
      {"--image-as",
       &words.image_as,
       "What the guest sees the image as: blk (/dev/vda) or pmem (an NVDIMM, /dev/pmem0)",
       {.choices = {"blk", "pmem"}}},
      {"--disk FILE[:ro]", &words.disks, "Another raw disk, in order /dev/vdb, ...; FILE:ro is read-only"},
      {"--put SRC:DEST[:MODE]", &words.puts, "A file for the guest, before CMD"},
      {"--get GUESTPATH[:HOSTPATH]", &words.gets, "A file from the guest, after CMD"},
      {"--timeout SECONDS",
       &options.timeout,
       "Limit for the whole run, in seconds (default: none)",
       {.range = positive}},
      {"--boot-timeout SECONDS",
       &options.boot_timeout,
       "Limit for the boot until CMD starts, in seconds",
       {.range = positive}},
      {"--memory MB", &options.memory_mb, "The guest's memory in MB", {.range = {{64, 1 << 20}}}},
      {"--cpus", &options.cpus, "The guest's CPUs (default: the host's, at most 2)", {.range = {{1, 240}}}},
      {"--append", &options.append, "More kernel arguments; they come last and win"},
      {"--env K[=V]", &words.environment, "K=V for CMD; K alone takes it from here"},
      {"--init PATH",
       &options.init,
       "PID 1 of the guest: auto (the image's if it has one), image, none (guest-run's own), or a path",
       {.known = known_names({"auto", "image", "none"})}},
      {"--ready PATH",
       &options.ready,
       "When CMD may start: auto (systemd's default target, or /run/guest-ready), none, or a path "
       "that appears",
       {.known = known_names({"auto", "none"})}},
      {"--ready-timeout SECONDS",
       &options.ready_timeout,
       "Limit for that, in seconds (default: 30, systemd 180)",
       {.range = positive}},
      {"--root-device DEVICE", &options.root_device,
       "auto: the image, or its first partition that holds a file system"},
      {"--read-only", &words.read_only, "The image is a read-only disk, mounted read-only"},
      {"--snapshot", &words.snapshot, "Changes to the image are discarded (default)"},
      {"--persist", &words.persist, "Changes to the image are kept; the guest is switched off in order"},
      {"--stdin", &words.input, "Pass standard input to CMD, even from a terminal"},
      {"--no-stdin", &words.no_input, "Leave standard input alone (default on a terminal)"},
      {"--console", &options.console, "Write the guest's console to this file as well"},
      {"--accel",
       &options.accelerator,
       "auto uses KVM after a proof that a guest starts under it",
       {.choices = {"auto", "tcg", "kvm"}}},
      {"--qemu PROGRAM", &options.qemu, "The QEMU to run"},
      {"-o,--output FILE", &options.common.output, "With --format json: where the summary of the run goes"}};
  tool.examples = {{"guest-run --kernel vmlinux.container --image demo.img -- uname -a",
                    "one command in a guest of its own"},
                   {"guest-run --kernel K --image I --put a.sh:/tmp/ --get /tmp/log -- sh /tmp/a.sh",
                    "with files in and out"}};
  tool.exit_statuses = {{"N", "CMD's own"},
                        {"128+N", "CMD was killed by signal N"},
                        {"126, 127", "CMD is not executable, not found"},
                        {"125", "guest-run, QEMU or the guest failed"},
                        {"124", "the time limit was hit"},
                        {"2", "the call's words are off"}};
  tool.notes = "Without --image and --initrd the guest's root is empty: put a static program into it.";
  tool.status_of = [](const Error& error) {
    return error.kind == ErrorKind::usage ? exit_usage : exit_failed;
  };
  return tool;
}

}  // namespace cg
