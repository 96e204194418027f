// guest-init: the first process of every guest that guest-run boots. It starts from an initramfs that
// guest-run made, opens the port to the host, enters the image's root, leaves a service process behind that
// runs the command, and becomes the image's own init (or stays, when there is none).
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "bare_init.h"
#include "modules.h"
#include "port.h"
#include "root.h"
#include "service.h"
#include "system.h"

namespace {

using namespace cg::guest;

constexpr double port_seconds = 5;

[[noreturn]] void give_up(Port& port, const std::string& why) {
  if (port.fd() >= 0)
    port.send(FrameType::fatal, why);
  else
    say_on_console(why);
  power_off_now();
}

// The program that becomes PID 1; empty: none. Sets `missing` when the one that was asked for is not there.
std::string choose_init(const Config& config, bool initramfs, std::string& missing) {
  const std::string wanted = value_of(config, "init", "auto");
  if (wanted == "none") return {};
  if (wanted != "auto" && wanted != "image") {
    if (access(wanted.c_str(), X_OK) != 0) missing = wanted;
    return wanted;
  }
  if (initramfs && access("/init", X_OK) == 0) return "/init";
  for (const char* path : {"/sbin/init", "/usr/sbin/init", "/etc/init", "/usr/lib/systemd/systemd"})
    if (access(path, X_OK) == 0) return path;
  if (wanted == "image") missing = "/sbin/init";
  return {};
}

}  // namespace

int main(int, char** argv) {
  if (getpid() != 1) {
    say_on_console("guest-init is the first process of a guest and does nothing elsewhere");
    return 1;
  }
  Port port;
  if (!mount_at("devtmpfs", "/dev", MS_NOSUID, "mode=0755"))
    give_up(port, error_text("devtmpfs on /dev", errno) + " (the kernel needs CONFIG_DEVTMPFS)");
  if (!mount_at("proc", "/proc") || !mount_at("sysfs", "/sys"))
    give_up(port, error_text("/proc and /sys", errno));
  const std::string directory = own_directory;
  const std::string failures = load_modules(directory + "/modules");
  if (!port.open("/sys", port_seconds))
    give_up(
        port,
        "no virtio-serial port in the guest (the kernel needs CONFIG_VIRTIO_PCI and CONFIG_VIRTIO_CONSOLE, "
        "or its modules: see --modules)" +
            (failures.empty() ? "" : "; modules that did not load: " + failures));
  port.send(FrameType::hello);

  const Config config = read_config(directory + "/config");
  const std::string root = value_of(config, "root", "none");
  if (root == "disk") {
    const std::string failure = enter_disk_root(config);
    if (!failure.empty()) give_up(port, failure);
  } else {
    for (const char* name : {"/init", "/config", ""})
      (void)(rmdir((directory + name).c_str()) && unlink((directory + name).c_str()));
  }

  std::string missing;
  const std::string init = choose_init(config, root != "disk", missing);
  if (!missing.empty()) give_up(port, missing + ": the image has no such init; see --init");
  const InitKind kind = init.empty() ? InitKind::bare : InitKind::image;
  if (kind == InitKind::bare) {
    set_up_bare_system();
  } else if (root != "disk") {
    // An init that boots from an initramfs expects to mount these itself.
    umount2("/proc", MNT_DETACH);
    umount2("/sys", MNT_DETACH);
  }

  const pid_t service = fork();
  if (service == 0) {
    // systemd spares processes whose name begins so when it kills what an initramfs left behind.
    argv[0][0] = '@';
    prctl(PR_SET_NAME, "guest-run");
    serve(config, kind, port);
  }
  if (service < 0) give_up(port, error_text("fork", errno));
  if (kind == InitKind::bare) reap_until(service);
  argv[0] = const_cast<char*>(init.c_str());
  execv(init.c_str(), argv);
  give_up(port, error_text(init, errno));
}
