// How the link becomes static (facts found by trying): `LDFLAGS=-static` reaches the `ld` call that makes the
// parasite blob and breaks it, while GMONLDOPT is appended to the link line of the criu program alone.
#include "plan.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// Raised when the way of building changes while recipes stay as they are.
constexpr int build_revision = 1;

// 2025-01-01; what a file of the result would say if it said when it was made.
constexpr std::string_view source_date = "1735689600";

Result<std::string> digest_of(const CriuPlan& plan) {
  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.update(fmt::format("{}:", text.size())).update(text); };
  add(fmt::format("criu-builder {}", build_revision));
  add(plan.source_sha256);
  add(plan.version());
  add(plan.host.compiler);
  add(plan.host.machine);
  for (const auto& change : plan.recipe.renamings) add(change.from + "\n" + change.to);
  for (const auto& change : plan.recipe.replacements)
    add(change.file + "\n" + change.old_text + "\n" + change.new_text);
  for (const auto& argument : plan.recipe.make) add(argument);
  for (const auto& archive : plan.host.archives) {
    CG_TRY(sum, sha256_file(archive));
    add(sum);
  }
  return hash.hex();
}

}  // namespace

Result<CriuPlan> make_plan(const CriuRecipe& recipe, const Host& host, const std::string& source_sha256,
                           const fs::path& cache, unsigned jobs) {
  CriuPlan plan{.recipe = recipe, .host = host, .source_sha256 = source_sha256};
  CG_TRY(digest, digest_of(plan));
  plan.digest = std::move(digest);
  plan.directory = cache / "criu" / fmt::format("{}-{}", plan.version(), plan.digest.substr(0, 16));
  plan.tree = plan.directory / "src";
  plan.log = plan.directory / "build.log";
  // CRIU's make files, as most, take a path apart at blanks and expand what the shell and make expand.
  if (const std::string path = plan.directory.string();
      path.find_first_of(" \t\n#$%:;&|<>()'\"`\\*?[]~!") != std::string::npos)
    return usage_error("the cache " + cache.string() +
                       " has a character in its path that make cannot handle; name another with --cache");
  const std::string compiler = host.ccache ? "ccache gcc" : "gcc";
  // -std: the language of gcc 12's default, which newer compilers no longer have. WERROR=0: a newer
  // compiler's warnings are no reason to have no CRIU. Paths in the binary do not tell where it was built.
  plan.make = {"make",
               fmt::format("-j{}", jobs),
               "criu",
               "NO_GNUTLS=1",
               "WERROR=0",
               "CC=" + compiler,
               "HOSTCC=" + compiler,
               "GMONLDOPT=-static -Wl,--build-id=sha1",
               fmt::format("USERCFLAGS=-std=gnu17 -ffile-prefix-map={}=/usr/src/criu-{}", plan.tree.string(),
                           plan.version())};
  plan.make.insert(plan.make.end(), recipe.make.begin(), recipe.make.end());
  plan.variables = {{"LC_ALL", "C"},
                    {"TZ", "UTC"},
                    {"SOURCE_DATE_EPOCH", std::string(source_date)},
                    {"PKG_CONFIG_LIBDIR", (plan.directory / "pkgconfig").string()},
                    {"CCACHE_DIR", (cache / "ccache").string()},
                    {"CCACHE_BASEDIR", plan.tree.string()},
                    {"CCACHE_NOHASHDIR", "1"}};
  // What a caller's make or shell may carry and CRIU's make files would pick up.
  plan.unset_variables = {"MAKEFLAGS",
                          "MFLAGS",
                          "MAKELEVEL",
                          "GNUMAKEFLAGS",
                          "MAKEFILES",
                          "CFLAGS",
                          "CPPFLAGS",
                          "LDFLAGS",
                          "LIBS",
                          "ARCH",
                          "SRCARCH",
                          "SUBARCH",
                          "CROSS_COMPILE",
                          "DEBUG",
                          "GCOV",
                          "GMON",
                          "ASAN",
                          "V",
                          "O",
                          "PREFIX",
                          "DESTDIR",
                          "PLUGINDIR",
                          "RUNDIR",
                          "DEFINES",
                          "WARNINGS",
                          "PKG_CONFIG",
                          "PKG_CONFIG_PATH",
                          "CPATH",
                          "C_INCLUDE_PATH",
                          "LIBRARY_PATH",
                          "LD",
                          "AS",
                          "AR",
                          "NETWORK_LOCK_DEFAULT"};
  return plan;
}

std::string plan_text(const CriuPlan& plan, const fs::path& destination) {
  std::string text =
      fmt::format("CRIU {} with {}\nsources, in this order:\n", plan.version(), plan.host.compiler);
  for (const auto& source : plan.recipe.source.sources)
    text += fmt::format("  {}  SHA-256 {}\n",
                        source.kind == SourceKind::url ? source.url : source.package + " " + source.file,
                        source.sha256);
  text += fmt::format("unpack to {}\n", plan.tree.string());
  for (const auto& change : plan.recipe.renamings)
    text += fmt::format("rename {} to {}\n", change.from, change.to);
  for (const auto& change : plan.recipe.replacements) text += fmt::format("change {}\n", change.file);
  text += "run " + plan.make[0];
  for (std::size_t i = 1; i < plan.make.size(); ++i)
    text += plan.make[i].contains(' ') ? fmt::format(" '{}'", plan.make[i]) : " " + plan.make[i];
  text += fmt::format(
      "\nsplit into {} and {}\ncheck: static, {}, no INTERP, no NEEDED, --version says {}\ncopy to {}\n",
      plan.binary_name(), plan.debug_name(), plan.host.machine, plan.version(), destination.string());
  return text;
}

}  // namespace cg
