#include "runtime.h"

#include <fmt/format.h>
#include <sys/mount.h>

#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "container.h"
#include "procfs/scan.h"

namespace cg::lab {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* disk = "/dev/vdb";
constexpr const char* place = "/run/lab/runtimes";

std::string program(const std::string& runtime) {
  return std::string(place) + (runtime == "runc" ? "/usr/sbin/runc" : "/usr/bin/crun");
}

Result<void> call(const Running& running, std::vector<std::string> words, const std::string& criu = {}) {
  const fs::path log = "/run/lab/runtime.log";
  fs::remove(log);
  std::vector<std::string> argv{program(running.runtime), "--root", "/run/lab/containers-" + running.runtime,
                                "--log", log.string()};
  if (!criu.empty()) argv.insert(argv.end(), {"--criu", criu});
  argv.insert(argv.end(), words.begin(), words.end());
  ProcessOptions options;
  options.timeout = std::chrono::seconds(60);
  // Their standard streams become the container's: no pipes of the lab's.
  options.log = "/dev/null";
  CG_TRY(result, run(argv, options));
  if (result.status == 0) return {};
  return cannot(fmt::format("{}: status {}{}: {}", join(argv, " "), result.status,
                            result.timed_out ? ", no answer" : "",
                            last_lines(read_file(log).value_or(""), 3)));
}

Json mount(const char* destination, const char* type, const std::string& source,
           std::vector<std::string> options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

Json spec(const fs::path& work, const std::vector<std::string>& arguments, const std::string& id) {
  Json namespaces = Json::array();
  for (const char* kind : {"pid", "ipc", "uts", "mount", "cgroup"}) namespaces.push_back({{"type", kind}});
  return {{"ociVersion", "1.0.2"},
          {"process",
           {{"terminal", false},
            {"user", {{"uid", 0}, {"gid", 0}}},
            {"args", arguments},
            {"env", {"PATH=/bin"}},
            {"cwd", "/"}}},
          {"root", {{"path", (work / "rootfs").string()}, {"readonly", false}}},
          {"hostname", "lab"},
          {"mounts",
           {mount("/proc", "proc", "proc", {}),
            mount("/dev", "tmpfs", "tmpfs", {"nosuid", "mode=755", "size=65536k"}),
            mount("/dev/pts", "devpts", "devpts",
                  {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}),
            mount("/dev/shm", "bind", (work / "shm").string(), {"rbind", "rw"}),
            mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
            mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
            mount("/etc/hosts", "bind", (work / "hosts").string(), {"rbind", "ro"})}},
          {"linux",
           {{"namespaces", namespaces},
            {"cgroupsPath", "/lab/" + id},
            {"maskedPaths", {"/proc/kcore", "/proc/keys"}},
            {"readonlyPaths", {"/proc/sys", "/proc/bus"}}}}};
}

Result<void> read_pid(Running& running, const fs::path& file) {
  CG_TRY(text, read_file(file));
  const auto pid = procfs::to_number<int>(trim(text));
  if (!pid) return cannot(file.string() + ": no pid in it");
  running.pid = *pid;
  return {};
}

}  // namespace

Result<void> provide_runtimes() {
  if (fs::exists(program("runc"))) return {};
  CG_CHECK(make_directories(place));
  if (::mount(disk, place, "ext4", MS_RDONLY, nullptr) != 0)
    return refused(fmt::format("absent: the disk with the runtimes is not there ({})", disk));
  // The guest's own loader runs them. runc clears its environment, so that the libraries that the guest lacks
  // must be where the loader looks by itself.
  std::error_code error;
  for (const auto& directory : fs::directory_iterator(fs::path(place) / "usr/lib", error)) {
    const fs::path own = "/usr/lib" / directory.path().filename();
    for (const auto& library : fs::directory_iterator(directory.path(), error))
      if (!fs::exists(own / library.path().filename()))
        fs::create_symlink(library.path(), own / library.path().filename(), error);
  }
  return {};
}

Result<void> start_by_runtime(const std::string& runtime, Running& running,
                              const std::vector<std::string>& holds, const fs::path& work) {
  CG_CHECK(provide_runtimes());
  const fs::path rootfs = work / "rootfs";
  CG_CHECK(demo::prepare_rootfs(rootfs, "/proc/self/exe"));
  for (const char* directory : {"rootfs/tmp", "shm"}) CG_CHECK(make_directories(work / directory));
  CG_CHECK(write_file_atomically(work / "hosts", "127.0.0.1 localhost\n"));
  ::mount("shm", (work / "shm").c_str(), "tmpfs", 0, nullptr);
  running.runtime = runtime;
  running.container = work.filename().string();
  running.bundle = work;
  running.record = rootfs / "record";
  running.inside = "/record";
  running.cgroup = "/sys/fs/cgroup/lab/" + running.container;
  std::vector<std::string> arguments{"/bin/demo-workload", "task", "--record", "/record"};
  arguments.insert(arguments.end(), holds.begin(), holds.end());
  CG_CHECK(write_file_atomically(work / "config.json", spec(work, arguments, running.container).dump(1)));
  CG_CHECK(call(running, {"run", "--detach", "--bundle", work.string(), "--pid-file", (work / "pid").string(),
                          running.container}));
  return read_pid(running, work / "pid");
}

void delete_container(const Running& running) {
  for (const char* suffix : {"", "-restored"})
    (void)call(running, {"delete", "--force", running.container + suffix});
}

Result<void> checkpoint_by_runtime(const Running& running, const std::string& criu, const fs::path& images) {
  CG_CHECK(call(running, {"pause", running.container}));
  return call(
      running,
      {"checkpoint", "--image-path", images.string(), "--work-path", images.string(), running.container},
      criu);
}

Result<void> restore_by_runtime(Running& running, const std::string& criu, const fs::path& images) {
  const fs::path pid = running.bundle / "restored.pid";
  CG_CHECK(
      call(running,
           {"restore", "--detach", "--image-path", images.string(), "--work-path", images.string(),
            "--bundle", running.bundle.string(), "--pid-file", pid.string(), running.container + "-restored"},
           criu));
  return read_pid(running, pid);
}

}  // namespace cg::lab
