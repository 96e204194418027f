#include "plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/host.h"
#include "base/sha256.h"
#include "base/shown.h"
#include "base/text.h"
#include "kconfig/input.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

const std::vector<Architecture> architectures = {
    {"x86_64", "x86", "bzImage", "arch/x86/boot/bzImage"},
    {"arm64", "arm64", "Image.gz", "arch/arm64/boot/Image.gz"},
};

// A request without effect is worse than none.
Result<void> refuse_what_comes_to_nothing(const KernelConfig& fragment) {
  if (!fragment.dropped.empty()) return refused(fragment.dropped.front());
  for (const auto& [symbol, value] : fragment.values)
    if (value.text == "m")
      return refused(fmt::format("{}:{}: CONFIG_{}=m: no module is built or installed here; ask for y",
                                 value.file, value.line, symbol));
  return {};
}

Result<fs::path> find_fragment(const fs::path& directory, const std::string& name,
                               const std::string& recipe) {
  const fs::path path = directory / (name + ".conf");
  if (fs::is_regular_file(path)) return path;
  std::vector<std::string> known;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().extension() == ".conf") known.push_back(entry.path().stem().string());
  return refused(fmt::format("{}: fragment '{}' is not in {}{}", recipe, name, directory.string(),
                             did_you_mean(name, known)));
}

// Leaves the sources that hold, or may hold, this version.
void only_version(SourceList& list, const std::string& version) {
  std::erase_if(list.sources, [&](const Source& source) {
    const std::string& own = source.version.empty() ? list.version : source.version;
    return source.kind != SourceKind::debian_package && own != version;
  });
  for (auto& source : list.sources)
    if (source.kind == SourceKind::debian_package) source.version_pattern = version;
  list.version = version;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The tarball of that version where upstream keeps it, with the user's word for its bytes.
Result<void> only_vouched(SourceList& list, const std::string& version, const std::string& sha256) {
  if (!is_sha256(sha256))
    return usage_error(fmt::format("--sha256 '{}': not 64 lower-case hexadecimal digits", sha256));
  if (!version.empty()) list.version = version;
  const std::string major = list.version.substr(0, list.version.find('.'));
  list.sources = {{.kind = SourceKind::url,
                   .url = fmt::format("https://cdn.kernel.org/pub/linux/kernel/v{}.x/linux-{}.tar.xz", major,
                                      list.version),
                   .sha256 = sha256,
                   .version = list.version}};
  return {};
}

}  // namespace

std::string host_architecture() {
  const std::string machine = host_machine();
  return machine == "aarch64" ? "arm64" : machine;
}

std::string cross_prefix(const Architecture& architecture) {
  if (architecture.name == host_architecture()) return "";
  return architecture.name == "arm64" ? "aarch64-linux-gnu-" : "x86_64-linux-gnu-";
}

Result<Architecture> find_architecture(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& architecture : architectures) {
    if (architecture.name == name) return architecture;
    known.push_back(architecture.name);
  }
  return usage_error(fmt::format("architecture '{}' is not known{} (known: {})", brief(name),
                                 did_you_mean(name, known), join(known, ", ")));
}

Result<std::string> fragments_digest(const fs::path& kconfig) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kconfig / "fragments"))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  Sha256 hash;
  for (const auto& file : files) {
    CG_TRY(text, read_file(file));
    hash.update(fs::relative(file, kconfig).string()).update(fmt::format("\n{}\n", text.size())).update(text);
  }
  return hash.hex();
}

Result<KernelPlan> make_plan(const PlanInputs& inputs) {
  KernelPlan plan;
  CG_TRY(recipe, load_kernel_recipe(inputs.recipe));
  plan.recipe = std::move(recipe);
  plan.version = inputs.version;
  if (!inputs.sha256.empty())
    CG_CHECK(only_vouched(plan.recipe.sources, inputs.version, inputs.sha256));
  else if (!inputs.version.empty())
    only_version(plan.recipe.sources, inputs.version);
  CG_TRY(architecture, find_architecture(inputs.architecture));
  plan.architecture = std::move(architecture);

  const fs::path directory = inputs.kconfig / "fragments";
  if (!inputs.base.empty()) {
    CG_TRY(base, load_config_input(inputs.base));
    plan.base = std::move(base.config);
    plan.recipe.fragments = {"criu"};  // the rest is the user's
    plan.recipe.config = {};
  }
  for (const auto& name : plan.recipe.fragments) {
    CG_TRY(path, find_fragment(directory, name, inputs.recipe.string()));
    plan.fragments.push_back(path);
  }
  std::vector<fs::path> own;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory / plan.architecture.name, ignored))
    if (!plan.base && entry.path().extension() == ".conf") own.push_back(entry.path());
  std::ranges::sort(own);
  plan.fragments.insert(plan.fragments.end(), own.begin(), own.end());
  const auto lay_over = [&plan](const std::vector<fs::path>& fragments) -> Result<void> {
    for (const auto& path : fragments) {
      CG_TRY(fragment, fs::is_directory(path) ? load_fragments({path.string()}) : load_request(path));
      CG_CHECK(refuse_what_comes_to_nothing(fragment));
      merge_config(plan.request, fragment);
    }
    return {};
  };
  CG_CHECK(lay_over(plan.fragments));
  merge_config(plan.request, plan.recipe.config);
  CG_CHECK(lay_over(inputs.extra_fragments));
  plan.fragments.insert(plan.fragments.end(), inputs.extra_fragments.begin(), inputs.extra_fragments.end());

  CG_TRY(version, read_file(inputs.kconfig / "version", 64));
  plan.config_version = trim(version);
  const std::string request = to_fragment(plan.request);
  const std::string base = plan.base ? to_fragment(*plan.base) : "";
  if (!inputs.extra_fragments.empty() || plan.base)
    plan.config_version += "+" + sha256_hex(base + request).substr(0, 8);
  plan.digest = Sha256()
                    .update("criu-guest kernel build 1\n")
                    .update(plan.recipe.text)
                    .update(request)
                    .update(plan.architecture.name + "\n" + plan.config_version + "\n" + inputs.version +
                            "\n" + inputs.compiler + "\n" + inputs.local_source_sha256)
                    .update(base.empty() && inputs.sha256.empty() ? "" : "\n" + inputs.sha256 + "\n" + base)
                    .hex();
  return plan;
}

}  // namespace cg
