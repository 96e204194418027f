#include "kconfig/resolve.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

class ScratchDirectory {
 public:
  static Result<ScratchDirectory> create() {
    std::error_code error;
    const fs::path parent = fs::temp_directory_path(error);
    std::string name = ((error ? fs::path("/tmp") : parent) / "kcheck.XXXXXX").string();
    if (!::mkdtemp(name.data())) return cannot_errno(name, errno);
    return ScratchDirectory(name);
  }
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit ScratchDirectory(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

std::string cross_prefix(const std::string& architecture) {
  const std::pair<const char*, const char*> prefixes[] = {{"arm64", "aarch64-linux-gnu-"},
                                                          {"x86", "x86_64-linux-gnu-"},
                                                          {"riscv", "riscv64-linux-gnu-"},
                                                          {"s390", "s390x-linux-gnu-"},
                                                          {"powerpc", "powerpc64le-linux-gnu-"}};
  for (const auto& [name, prefix] : prefixes)
    if (architecture == name && find_program(std::string(prefix) + "gcc")) return prefix;
  return "";
}

// What the kernel's Makefile would export to conf.
ProcessOptions environment_of(const ResolveOptions& options, const fs::path& scratch) {
  const std::string cross = cross_prefix(options.architecture);
  const std::string compiler = cross + "gcc";
  const auto version = run({compiler, "--version"});
  const auto lines = split_lines(version ? std::string_view(version->out) : std::string_view());
  // Newer kernels leave this question to the Makefile as well.
  const auto pahole = run({fs::absolute(options.tree / "scripts/pahole-version.sh").string(), "pahole"});
  const std::string pahole_version(trim(pahole ? pahole->out : ""));
  ProcessOptions process;
  process.directory = scratch;
  process.set_variables = {{"ARCH", options.arch.empty() ? options.architecture : options.arch},
                           {"SRCARCH", options.architecture},
                           {"srctree", fs::absolute(options.tree).string()},
                           {"KERNELVERSION", options.version},
                           {"CC", compiler},
                           {"HOSTCC", "gcc"},
                           {"LD", cross + "ld"},
                           {"AR", cross + "ar"},
                           {"NM", cross + "nm"},
                           {"OBJCOPY", cross + "objcopy"},
                           {"OBJDUMP", cross + "objdump"},
                           {"RUSTC", "rustc"},
                           {"BINDGEN", "bindgen"},
                           {"PAHOLE", "pahole"},
                           {"PAHOLE_VERSION", pahole_version.empty() ? "0" : pahole_version},
                           {"RUSTC_VERSION_TEXT", ""},
                           {"CONFIG_SHELL", "sh"},
                           {"CC_VERSION_TEXT", lines.empty() ? "" : std::string(lines.front())}};
  process.unset_variables = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"};
  return process;
}

}  // namespace

Result<KernelConfig> resolve_by_conf(const ResolveOptions& options, const KernelConfig& request,
                                     const KernelConfig* base) {
  CG_TRY(scratch, ScratchDirectory::create());
  const fs::path fragment = scratch.path() / "fragment";
  const fs::path resolved = scratch.path() / "resolved";
  KernelConfig asked;
  if (base) asked = *base;
  merge_config(asked, request);
  CG_CHECK(write_file_atomically(base ? resolved : fragment, to_fragment(asked)));
  ProcessOptions process = environment_of(options, scratch.path());
  process.set_variables["KCONFIG_CONFIG"] = resolved.string();
  if (!base) process.set_variables["KCONFIG_ALLCONFIG"] = fragment.string();
  const std::string mode = base ? "olddefconfig" : "allnoconfig";
  const fs::path conf = options.tree / "scripts/kconfig/conf";
  std::vector<std::string> argv = {fs::absolute(conf).string(), "--" + mode, "Kconfig"};
  if (::access(conf.c_str(), X_OK) != 0)
    argv = {"make",
            "-s",
            "-C",
            fs::absolute(options.tree).string(),
            "O=" + scratch.path().string(),
            "ARCH=" + process.set_variables["ARCH"],
            mode};
  CG_TRY(done, run(argv, process));
  if (done.status != 0)
    return cannot(fmt::format("{}: its conf could not resolve the configuration: {}", options.tree.string(),
                              last_lines(done.err.empty() ? done.out : done.err, 3)));
  CG_TRY(text, read_file(resolved));
  return parse_config(std::move(text), "resolved by conf");
}

}  // namespace cg
