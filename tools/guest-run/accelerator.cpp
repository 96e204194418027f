#include "accelerator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/sha256.h"
#include "base/text.h"
#include "initrd.h"

namespace cg {
namespace {

constexpr int proof_milliseconds = 5000;

// Two files with the same answer here are the same file.
std::string identity(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return path.string();
  return fmt::format("{}:{}:{}:{}.{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

// guest-init's first frame proves that the kernel booted to user space.
bool guest_starts_under_kvm(VmSettings settings) {
  settings.disks.clear();
  settings.accelerator = Accelerator::kvm;
  settings.kernel_arguments = base_kernel_arguments(Accelerator::kvm);
  const auto initrd = make_initrd({}, guest_archive({{"root", "none"}, {"init", "none"}}));
  if (!initrd) return false;
  const auto vm = Vm::start(settings, *initrd);
  if (!vm) return false;
  pollfd polled{vm->port(), POLLIN, 0};
  char byte = 0;
  return poll(&polled, 1, proof_milliseconds) == 1 && read(vm->port(), &byte, 1) == 1;
}

}  // namespace

Accelerator choose_accelerator(const VmSettings& settings, const std::filesystem::path& cache) {
  const UniqueFd device(open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!device) return Accelerator::tcg;
  const auto boot = read_file("/proc/sys/kernel/random/boot_id");
  const std::string key =
      sha256_hex((boot ? *boot : "") + identity(settings.kernel) + identity(settings.qemu));
  const auto directory = cache / "kvm-proof";
  const auto file = directory / key;
  // A cache that cannot be written only means that the question is asked again; whoever comes second waits
  // for the first one's answer.
  const auto made = make_directories(directory);
  const auto lock = made ? FileLock::acquire(directory / "lock") : Result<FileLock>(cannot("no lock"));
  if (const auto known = read_file(file)) return trim(*known) == "kvm" ? Accelerator::kvm : Accelerator::tcg;
  const Accelerator answer = guest_starts_under_kvm(settings) ? Accelerator::kvm : Accelerator::tcg;
  if (made) (void)write_file_atomically(file, name_of(answer) + std::string("\n"));
  return answer;
}

}  // namespace cg
