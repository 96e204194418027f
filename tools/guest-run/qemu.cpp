#include "qemu.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "protocol.h"

namespace cg {
namespace {

constexpr unsigned max_pmem_mb = 64 << 10;  // address space that NVDIMMs may take

// In QEMU's option strings a comma is written twice.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char byte : text) result.append(byte == ',' ? 2 : 1, byte);
  return result;
}

// Memory of the guest that is the file: shared memory keeps changes, private memory forgets them.
void add_pmem(std::vector<std::string>& argv, const Disk& disk, std::size_t index) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(disk.file, unknown);
  const bool forbidden = disk.changes == Changes::forbidden;
  argv.insert(argv.end(),
              {"-object",
               fmt::format("memory-backend-file,id=mem{},size={},share={},readonly={},mem-path={}", index,
                           unknown ? 0 : size, disk.changes == Changes::discard ? "off" : "on",
                           forbidden ? "on" : "off", escaped(disk.file.string())),
               "-device", fmt::format("nvdimm,memdev=mem{},unarmed={}", index, forbidden ? "on" : "off")});
}

// The guest's /dev must see the disks in the order they were given, so each has its PCI slot.
void add_disk(std::vector<std::string>& argv, const Disk& disk, std::size_t index) {
  std::string drive = fmt::format("if=none,id=disk{},format=raw,file={}", index, escaped(disk.file.string()));
  if (disk.changes == Changes::discard) drive += ",snapshot=on,cache=unsafe";
  if (disk.changes == Changes::forbidden) drive += ",readonly=on";
  argv.insert(argv.end(), {"-drive", drive, "-device",
                           fmt::format("virtio-blk-pci,drive=disk{},addr={:x}", index, 16 + index)});
}

// Only async-signal-safe calls.
[[noreturn]] void become_qemu(char** argv, pid_t parent, int console, int messages, const int* inherited) {
  setpgid(0, 0);  // a Ctrl-C of the terminal is guest-run's to handle
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0 && dup2(null, 0) >= 0 && dup2(console, 1) >= 0 && dup2(messages, 2) >= 0) {
    for (; *inherited >= 0; ++inherited) fcntl(*inherited, F_SETFD, 0);
    execv(argv[0], argv);
  }
  constexpr char text[] = "QEMU could not be executed\n";
  (void)!write(messages, text, sizeof text - 1);
  _exit(127);
}

}  // namespace

const char* name_of(Accelerator accelerator) {
  return accelerator == Accelerator::kvm ? "kvm" : "tcg";
}

std::string base_kernel_arguments(Accelerator accelerator) {
  // quiet keeps the slow serial line free; a panic switches the console to verbose by itself. A negative
  // panic= restarts at once, which ends QEMU (-no-reboot).
  std::string text = "console=ttyS0 quiet panic=-1 reboot=t rdinit=/.guest-run/init net.ifnames=0";
  // Calibrating clocks and probing a keyboard that is not there cost an emulated guest a quarter of its boot.
  text += " i8042.noaux i8042.nopnp i8042.dumbkbd cryptomgr.notests no_timer_check";
  // Nobody can log in on the console, and where no udev runs systemd would wait 90 s for its device.
  text += " systemd.getty_auto=no";
  if (accelerator == Accelerator::tcg) text += " tsc=reliable mitigations=off";
  return text;
}

std::vector<std::string> qemu_command(const VmSettings& settings, int port_fd, int initrd_fd) {
  const bool has_pmem = std::ranges::any_of(
      settings.disks, [](const Disk& disk) { return disk.attachment == Attachment::pmem; });
  const bool kvm = settings.accelerator == Accelerator::kvm;
  std::vector<std::string> argv = {
      settings.qemu.string(),
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-no-reboot",
      "-name",
      "guest-run",
      "-machine",
      has_pmem ? "q35,smm=off,hpet=off,vmport=off,nvdimm=on" : "q35,smm=off,hpet=off,vmport=off",
      "-accel",
      kvm ? "kvm" : "tcg,thread=multi",
      "-cpu",
      kvm ? "host" : "max",
      "-smp",
      std::to_string(settings.cpus),
      "-m",
      has_pmem ? fmt::format("{0}M,slots=8,maxmem={1}M", settings.memory_mb, settings.memory_mb + max_pmem_mb)
               : fmt::format("{}M", settings.memory_mb),
      "-kernel",
      settings.kernel.string(),
      "-initrd",
      fmt::format("/dev/fd/{}", initrd_fd),
      "-append",
      settings.kernel_arguments,
      "-chardev",
      "stdio,id=console,signal=off",
      "-serial",
      "chardev:console",
      "-chardev",
      fmt::format("socket,id=port,fd={}", port_fd),
      "-device",
      "virtio-serial-pci,max_ports=2",
      "-device",
      fmt::format("virtserialport,chardev=port,name={}", guest::port_name),
      "-device",
      "virtio-rng-pci"};
  for (std::size_t i = 0; i < settings.disks.size(); ++i) {
    if (settings.disks[i].attachment == Attachment::pmem)
      add_pmem(argv, settings.disks[i], i);
    else
      add_disk(argv, settings.disks[i], i);
  }
  return argv;
}

Result<Vm> Vm::start(const VmSettings& settings, const UniqueFd& initrd) {
  int sockets[2];
  int console[2];
  int messages[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return cannot_errno("socketpair", errno);
  Vm vm;
  vm.port_.reset(sockets[0]);
  const UniqueFd their_port(sockets[1]);
  if (pipe2(console, O_CLOEXEC) != 0) return cannot_errno("pipe", errno);
  vm.console_.reset(console[0]);
  const UniqueFd their_console(console[1]);
  if (pipe2(messages, O_CLOEXEC) != 0) return cannot_errno("pipe", errno);
  vm.messages_.reset(messages[0]);
  const UniqueFd their_messages(messages[1]);
  for (const int fd : {vm.port(), vm.console(), vm.messages()}) fcntl(fd, F_SETFL, O_NONBLOCK);

  const auto command = qemu_command(settings, their_port.get(), initrd.get());
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int inherited[] = {their_port.get(), initrd.get(), -1};
  const pid_t parent = getpid();
  vm.pid_ = fork();
  if (vm.pid_ < 0) return cannot_errno("fork", errno);
  if (vm.pid_ == 0) become_qemu(argv.data(), parent, their_console.get(), their_messages.get(), inherited);
  return vm;
}

Vm::Vm(Vm&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      port_(std::move(other.port_)),
      console_(std::move(other.console_)),
      messages_(std::move(other.messages_)) {}

void Vm::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace cg
