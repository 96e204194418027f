#include "place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "procfs/scan.h"

namespace cg::proof {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* container = "proof";
constexpr const char* rootfs = "/run/proof-rootfs";

std::vector<std::string> program() {
  return {"/bin/bash", fmt::format("{}/start.sh", work)};
}

Result<pid_t> number(const std::string& text, const std::string& what) {
  const auto pid = procfs::to_number<int>(trim(text));
  if (!pid || *pid <= 0) return cannot(fmt::format("{}: '{}' is no pid", what, trim(text)));
  return *pid;
}

Result<pid_t> start_tree(int namespaces) {
  const auto argv = program();
  const pid_t child = fork();
  if (child < 0) return cannot_errno("fork", errno);
  if (child > 0) return child;
  setsid();
  if (unshare(namespaces) != 0) _exit(126);
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  // What this program was given from outside would be the tree's as well.
  syscall(SYS_close_range, 3U, ~0U, 0);
  setenv("WORK", work, 1);
  execl(argv[0].c_str(), argv[0].c_str(), argv[1].c_str(), nullptr);
  _exit(127);
}

Json mount_of(const char* destination, const char* type, std::vector<std::string> options) {
  return {{"destination", destination}, {"type", type}, {"source", type}, {"options", std::move(options)}};
}

// As an engine writes it, with the network of the guest.
Json specification() {
  Json namespaces = Json::array();
  for (const char* kind : {"pid", "ipc", "uts", "mount", "cgroup"}) namespaces.push_back({{"type", kind}});
  const Json can{"CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FSETID",  "CAP_FOWNER",           "CAP_SETGID",
                 "CAP_SETUID", "CAP_SETPCAP",      "CAP_SETFCAP", "CAP_NET_BIND_SERVICE", "CAP_KILL"};
  return {
      {"ociVersion", "1.0.2"},
      {"process",
       {{"terminal", false},
        {"user", {{"uid", 0}, {"gid", 0}}},
        {"args", program()},
        {"env",
         {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", fmt::format("WORK={}", work)}},
        {"cwd", "/"},
        {"capabilities", {{"bounding", can}, {"effective", can}, {"permitted", can}}},
        {"noNewPrivileges", true}}},
      {"root", {{"path", rootfs}, {"readonly", false}}},
      {"hostname", container},
      {"mounts",
       {mount_of("/proc", "proc", {}),
        mount_of("/dev", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
        mount_of("/dev/pts", "devpts",
                 {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
        mount_of("/dev/shm", "tmpfs", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
        mount_of("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
        mount_of("/sys", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
        mount_of("/sys/fs/cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"})}},
      {"linux",
       {{"namespaces", namespaces},
        {"cgroupsPath", fmt::format("/{}", container)},
        {"maskedPaths", {"/proc/kcore", "/proc/keys", "/proc/timer_list"}},
        {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}}}};
}

Result<pid_t> start_container(const std::string& runtime) {
  const fs::path bundle = "/run/proof-bundle";
  CG_CHECK(make_directories(bundle));
  CG_CHECK(make_directories(rootfs));
  if (mount("/", rootfs, nullptr, MS_BIND, nullptr) != 0)
    return cannot_errno("binding / for the container", errno);
  CG_CHECK(write_file_atomically(bundle / "config.json", specification().dump(1)));
  ProcessOptions options;
  options.timeout = std::chrono::seconds(60);
  options.log = "/dev/null";  // its standard streams become the container's
  const std::vector<std::string> argv{
      runtime, "--log",      "/run/proof-runtime.log", "run",    "--detach", "--bundle",
      bundle,  "--pid-file", "/run/proof-pid",         container};
  CG_TRY(result, run(argv, options));
  if (result.status != 0)
    return cannot(fmt::format("{}: status {}: {}", join(argv, " "), result.status,
                              last_lines(read_file("/run/proof-runtime.log").value_or(""), 3)));
  CG_TRY(pid, read_file("/run/proof-pid"));
  return number(pid, runtime);
}

Result<pid_t> start_unit() {
  CG_CHECK(write_file_atomically(
      "/run/systemd/system/proof.service",
      fmt::format("[Unit]\nDescription=what is taken through a "
                  "checkpoint\n[Service]\nType=exec\nEnvironment=WORK={}\n"
                  "ExecStart={}\nStandardInput=null\nStandardOutput=null\nStandardError=null\n",
                  work, join(program(), " "))));
  CG_CHECK(run_checked({"systemctl", "daemon-reload"}));
  CG_CHECK(run_checked({"systemctl", "start", "proof.service"}));
  CG_TRY(pid, run_checked({"systemctl", "show", "-P", "MainPID", "proof.service"}));
  return number(pid, "MainPID of proof.service");
}

}  // namespace

Result<Started> start_in(const std::string& place, const std::string& start) {
  // What it is given from here is let go of: a container's own files only are in its mounts.
  CG_CHECK(write_file_atomically(fs::path(work) / "start.sh",
                                 fmt::format("exec < /dev/null >> {}/out.log 2>&1\n{}", work, start), 0755));
  const auto started = place == "tree"      ? start_tree(0)
                       : place == "ipc"     ? start_tree(CLONE_NEWIPC)
                       : place == "systemd" ? start_unit()
                                            : start_container(place);
  if (!started) return std::unexpected(started.error());
  Started result{*started, {std::to_string(*started)}};
  if (place == "runc" || place == "crun") result.target = {"--container", container, "--runtime", place};
  return result;
}

void forget(const std::string& place) {
  if (place == "systemd") (void)run({"systemctl", "reset-failed", "proof.service"});
  if (place == "runc" || place == "crun") (void)run({place, "delete", "--force", container});
}

}  // namespace cg::proof
