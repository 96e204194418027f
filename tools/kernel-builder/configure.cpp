#include "configure.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <set>

#include "base/file.h"
#include "base/process.h"
#include "kconfig/unmet_request.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// `date`'s own form, which is what the kernel prints when nobody sets it.
std::string date_text(const std::string& epoch) {
  const std::time_t seconds = std::strtoll(epoch.c_str(), nullptr, 10);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S UTC %Y", &parts);
  return text.data();
}

}  // namespace

Result<void> run_make(const KernelMake& make, const std::vector<std::string>& arguments,
                      const fs::path& log) {
  // Everything that would make two builds of the same inputs differ is fixed here.
  ProcessOptions options{
      .directory = make.tree,
      .set_variables = {{"KBUILD_BUILD_TIMESTAMP", date_text(make.epoch)},
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

Result<KernelConfig> resolve(const KernelMake& make, const KernelConfig& request, const KernelConfig* base,
                             const fs::path& log) {
  const fs::path fragment = make.tree / ".criu-guest.fragment";
  const fs::path resolved = make.tree / ".criu-guest.config";
  CG_CHECK(write_file_atomically(fragment, to_fragment(request)));
  std::error_code ignored;
  fs::remove(resolved, ignored);
  const std::string config = "KCONFIG_CONFIG=" + resolved.string();
  if (base) {
    KernelConfig together = *base;
    merge_config(together, request);
    CG_CHECK(write_file_atomically(resolved, to_fragment(together)));
    CG_CHECK(run_make(make, {"-s", config, "olddefconfig"}, log));
  } else {
    CG_CHECK(run_make(make, {"-s", "KCONFIG_ALLCONFIG=" + fragment.string(), config, "allnoconfig"}, log));
  }
  CG_TRY(text, read_file(resolved));
  const fs::path current = make.tree / ".config";
  if (const auto before = read_file(current); !before || *before != text)
    CG_CHECK(write_file_atomically(current, text));
  return parse_config(text, current.string());
}

BaseChanges changes_of(const KernelConfig& base, const KernelConfig& request, const KernelConfig& resolved) {
  BaseChanges changes;
  std::set<std::string, std::less<>> symbols;
  for (const KernelConfig* const config : {&base, &resolved})
    for (const auto& [symbol, value] : config->values) symbols.emplace(symbol);
  for (const auto& symbol : symbols) {
    const auto before = base.value(symbol), after = resolved.value(symbol);
    if (before == after) continue;
    (request.find(symbol) ? changes.requested : changes.following)
        .push_back(fmt::format("CONFIG_{}: {} -> {}", symbol, before, after));
  }
  return changes;
}

Result<void> gate(const KernelConfig& request, const KernelConfig& resolved, const kconfig::Tree* tree) {
  const auto stuck = kconfig::find_unmet_requests(request, resolved, tree);
  if (stuck.empty()) return {};
  std::string message = fmt::format(
      "Linux {}: {} of {} requested symbols did not get the requested value; nothing was compiled\n",
      resolved.version, stuck.size(), request.values.size());
  for (const auto& override_ : request.overrides)
    message += fmt::format("  note: {}:{} sets CONFIG_{}={} over {}:{}, which asks for {}\n",
                           override_.later.file, override_.later.line, override_.symbol, override_.later.text,
                           override_.earlier.file, override_.earlier.line, override_.earlier.text);
  for (const auto& one : stuck) message += "  " + kconfig::to_text(one);
  message += "Take the lines out, or set what they depend on.";
  return refused(message);
}

}  // namespace cg
