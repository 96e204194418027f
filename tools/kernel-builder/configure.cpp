#include "configure.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/process.h"

namespace cg {
namespace fs = std::filesystem;

Result<void> run_make(const KernelMake& make, const std::vector<std::string>& arguments, const fs::path& log) {
  // Everything that would make two builds of the same inputs differ is fixed here.
  ProcessOptions options{.directory = make.tree,
                         .set_variables = {{"KBUILD_BUILD_TIMESTAMP", "@" + make.epoch},
                                           {"KBUILD_BUILD_USER", "criu-guest"},
                                           {"KBUILD_BUILD_HOST", "criu-guest"},
                                           {"KBUILD_BUILD_VERSION", "1"},
                                           {"LC_ALL", "C"},
                                           {"TZ", "UTC"}},
                         .unset_variables = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "KCONFIG_CONFIG", "ARCH", "CROSS_COMPILE"},
                         .log = log};
  std::vector<std::string> argv = {"make", "ARCH=" + make.architecture};
  if (!make.cross_compile.empty()) argv.push_back("CROSS_COMPILE=" + make.cross_compile);
  if (find_program("ccache")) {
    options.set_variables["CCACHE_DIR"] = (make.cache / "ccache").string();
    options.set_variables["CCACHE_MAXSIZE"] = "2G";
    argv.push_back("HOSTCC=ccache gcc");
    argv.push_back("CC=ccache " + make.cross_compile + "gcc");
  }
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  CG_TRY(output, run_checked(argv, options));
  return {};
}

Result<KernelConfig> resolve(const KernelMake& make, const KernelConfig& request, const fs::path& log) {
  const fs::path fragment = make.tree / ".criu-guest.fragment";
  const fs::path resolved = make.tree / ".criu-guest.config";
  CG_CHECK(write_file_atomically(fragment, to_fragment(request)));
  std::error_code ignored;
  fs::remove(resolved, ignored);
  CG_CHECK(run_make(make, {"-s", "KCONFIG_ALLCONFIG=" + fragment.string(), "KCONFIG_CONFIG=" + resolved.string(), "allnoconfig"}, log));
  CG_TRY(text, read_file(resolved));
  const fs::path current = make.tree / ".config";
  if (const auto before = read_file(current); !before || *before != text) CG_CHECK(write_file_atomically(current, text));
  return parse_config(text, current.string());
}

Result<void> gate(const KernelConfig& request, const KernelConfig& resolved, const std::string& kernel_version) {
  const auto mismatches = unmet_requests(request, resolved);
  if (mismatches.empty()) return {};
  std::string message = fmt::format(
      "Linux {}: {} of {} requested symbols did not get the requested value; nothing was compiled\n", kernel_version,
      mismatches.size(), request.values.size());
  for (const auto& mismatch : mismatches)
    message += fmt::format("  CONFIG_{}={}  requested at {}:{}  ->  {}\n", mismatch.symbol, mismatch.requested.text,
                           mismatch.requested.file, mismatch.requested.line,
                           resolved.find(mismatch.symbol) ? "got " + mismatch.got
                                                          : "not settable: unknown to this kernel, or a symbol it depends on is off");
  message += "Take the line out, or add the symbols it depends on.";
  return refused(message);
}

}  // namespace cg
