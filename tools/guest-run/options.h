// guest-run's command line as data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "conversation.h"
#include "qemu.h"

namespace cg {

struct GuestRunOptions {
  CommonOptions common;
  std::filesystem::path kernel;
  std::filesystem::path image;
  std::filesystem::path initrd;
  std::string modules = "auto";
  std::vector<Disk> disks;  // beside the image
  Changes changes = Changes::discard;
  Attachment attachment = Attachment::virtio_block;  // of the image
  std::vector<PutFile> puts;
  std::vector<GetFile> gets;
  std::vector<std::string> environment;
  std::vector<std::string> argv;
  std::optional<double> timeout;
  double boot_timeout = 300;
  unsigned memory_mb = 1024;
  unsigned cpus = 0;
  std::string append;
  std::string init = "auto";
  std::string ready = "auto";
  double ready_timeout = 0;
  std::string root_device = "auto";
  std::string accelerator = "auto";
  std::filesystem::path console;
  std::string qemu = "qemu-system-x86_64";
  enum class Input { automatic, wanted, none } input = Input::automatic;
};

// The words as they are given, which only all together say what is meant.
struct GuestRunWords {
  std::string image_as = "blk";
  std::vector<std::string> puts, gets, disks, environment;
  bool read_only = false, persist = false, snapshot = false, input = false, no_input = false;
};

// guest-run as a tool without a `run`: its words go to `options` and `words`, which complete() then checks
// and brings together.
Tool guest_run_tool(GuestRunOptions& options, GuestRunWords& words);
Result<void> complete(const GuestRunWords& words, const Environment& env, GuestRunOptions& options);

// SRC:/DEST[:MODE] and /GUESTPATH[:HOSTPATH].
Result<PutFile> parse_put(const std::string& text);
Result<GetFile> parse_get(const std::string& text);

}  // namespace cg
