// QEMU: its command line, and the process.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace cg {

enum class Accelerator { tcg, kvm };
const char* name_of(Accelerator accelerator);

enum class Changes {
  discard,    // the image is a base, changes go to a temporary overlay
  keep,       // changes go to the image
  forbidden,  // the disk is read-only
};

enum class Attachment {
  virtio_block,  // /dev/vda, vdb, ...
  pmem,          // an NVDIMM, /dev/pmem0, as Kata's QEMU gives its image
};

struct Disk {
  std::filesystem::path file;  // raw
  Changes changes = Changes::discard;
  Attachment attachment = Attachment::virtio_block;
};

struct VmSettings {
  std::filesystem::path qemu;
  std::filesystem::path kernel;
  std::string kernel_arguments;
  std::vector<Disk> disks;  // in the guest's order
  unsigned memory_mb = 1024;
  unsigned cpus = 1;
  Accelerator accelerator = Accelerator::tcg;
};

// The first arguments of every guest's kernel; the user's own come behind them and win.
std::string base_kernel_arguments(Accelerator accelerator);

// `port_fd` and `initrd_fd` are descriptors that QEMU inherits.
std::vector<std::string> qemu_command(const VmSettings& settings, int port_fd, int initrd_fd);

// A running QEMU; gone, at the latest, with the object, and with this process however it ends.
class Vm {
 public:
  static Result<Vm> start(const VmSettings& settings, const UniqueFd& initrd);
  Vm(Vm&& other) noexcept;
  Vm& operator=(Vm&&) = delete;
  ~Vm() { kill(); }

  int port() const { return port_.get(); }          // connected socket, non-blocking
  int console() const { return console_.get(); }    // what the guest's serial line says
  int messages() const { return messages_.get(); }  // QEMU's own standard error
  void close_port() { port_.reset(); }
  void close_console() { console_.reset(); }
  void close_messages() { messages_.reset(); }
  void kill();  // SIGKILL and wait

 private:
  Vm() = default;
  pid_t pid_ = -1;
  UniqueFd port_;
  UniqueFd console_;
  UniqueFd messages_;
};

}  // namespace cg
