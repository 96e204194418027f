// The reader against the kernel's own conf and against kconfiglib, on every symbol of a real tree: what conf
// wrote as visible must be visible for us, what it hid hidden, what nobody can set must come out of our
// selects, implies and defaults; and kconfiglib's visibilities and dependencies must be ours.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "kconfig/evaluation.h"
#include "temporary_directory.h"
#include "unpacked_tree.h"

namespace cg::kconfig {
namespace {

namespace fs = std::filesystem;

// Where kconfiglib is known to differ from conf, which is right by definition.
// 1. It computes every value anew from the configuration, and gets another one than conf where a symbol that
// is m is implied by one that is y (it makes y of it, as conf did before Linux 5.7), and in circles of
// dependencies and selects (USB_ROLE_SWITCH in allmodconfig). What hangs on such a symbol is counted apart.
// 2. It hides the members of a choice whose own prompt is hidden; conf of 6.11 and newer shows them.
bool in_a_choice_that_is_hidden(const Evaluation& evaluation, Index symbol) {
  const Index choice = evaluation.choice_of(symbol);
  if (choice == none) return false;
  for (const Property& property : evaluation.properties(choice))
    if (property.kind == PropertyKind::prompt) return evaluation.condition(property) == Tristate::no;
  return false;
}

class Agreement : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = unpacked_tree();
    if (!found) GTEST_SKIP() << "no unpacked kernel tree in the cache; make guest-kernel makes one";
    linux_ = *found;
    auto tree = load_tree(linux_, {"x86"});
    ASSERT_TRUE(tree) << tree.error().message;
    tree_ = std::move(*tree);
  }

  ProcessOptions environment() const {
    ProcessOptions options;
    options.directory = directory_.path();
    const auto version = run_checked({"gcc", "--version"}).value_or("gcc\n");
    options.set_variables = {{"ARCH", "x86"},
                             {"SRCARCH", "x86"},
                             {"srctree", linux_.string()},
                             {"CC", "gcc"},
                             {"HOSTCC", "gcc"},
                             {"LD", "ld"},
                             {"AR", "ar"},
                             {"NM", "nm"},
                             {"OBJCOPY", "objcopy"},
                             {"RUSTC", "rustc"},
                             {"BINDGEN", "bindgen"},
                             {"PAHOLE", "pahole"},
                             {"CONFIG_SHELL", "sh"},
                             {"KERNELVERSION", tree_.version},
                             {"CC_VERSION_TEXT", std::string(split_lines(version).front())}};
    return options;
  }

  // Runs conf in a mode and reads what it wrote.
  KernelConfig configure(const std::string& name, const std::string& mode, const std::string& seed = "") {
    ProcessOptions options = environment();
    options.set_variables["KCONFIG_CONFIG"] = (directory_.path() / name).string();
    options.set_variables["KCONFIG_SEED"] = seed;
    const auto done = run({(linux_ / "scripts/kconfig/conf").string(), mode, "Kconfig"}, options);
    EXPECT_TRUE(done && done->status == 0) << name << (done ? done->err : done.error().message);
    return load_request(directory_.path() / name).value_or(KernelConfig{});
  }

  struct Count {
    std::size_t agreed = 0;
    std::size_t by_macro = 0;                 // a compiler's answer decides; taken from the configuration
    std::vector<std::string> by_other_value;  // kconfiglib's own value of a symbol is another one
    std::vector<std::string> disagreed;
  };
  void compare_with_conf(const Evaluation& evaluation, Count& count) const;
  Count compare_with_kconfiglib(const KernelConfig& config, const std::string& name) const;

  const fs::path& tree_path() const { return linux_; }
  fs::path directory() const { return directory_.path(); }
  const Tree& tree() const { return tree_; }

 private:
  TemporaryDirectory directory_;
  fs::path linux_;
  Tree tree_;
};

void Agreement::compare_with_conf(const Evaluation& evaluation, Count& count) const {
  for (Index i = 0; i < tree_.symbols.size(); ++i) {
    const Symbol& symbol = tree_.symbols[i];
    if (symbol.first_entry == none || (symbol.type != Type::boolean && symbol.type != Type::tristate))
      continue;
    evaluation.forget_opaque();
    const Tristate visible = evaluation.visibility(i);
    const Tristate value = evaluation.value(i);
    const Tristate selected = evaluation.selected(i);
    const bool in_choice = evaluation.choice_of(i) != none;
    bool agrees = true;
    if (visible !=
        Tristate::no)  // written, with a value between what selects it and what its dependencies allow
      agrees = evaluation.is_mentioned(i) &&
               (in_choice || (value >= selected && value <= either(visible, selected)));
    else if (in_choice)
      agrees = value == Tristate::no;
    else  // an invisible symbol that is n is written only when something implies it
      agrees = evaluation.derived(i) == value && (value != Tristate::no || !evaluation.is_mentioned(i) ||
                                                  evaluation.implied(i) != Tristate::no);
    if (evaluation.opaque_seen()) {
      ++count.by_macro;
    } else if (agrees) {
      ++count.agreed;
    } else {
      count.disagreed.emplace_back(symbol.name);
    }
  }
}

Agreement::Count Agreement::compare_with_kconfiglib(const KernelConfig& config,
                                                    const std::string& name) const {
  Count count;
  const Evaluation evaluation(tree_, config);
  std::ifstream lines(directory_.path() / (name + ".kconfiglib"));
  std::string symbol_name;
  for (int visibility = 0, direct = 0, selected = 0, implied = 0, other_value = 0;
       lines >> symbol_name && symbol_name != "seconds" &&
       lines >> visibility >> direct >> selected >> implied >> other_value;) {
    const Index i = tree_.index_of(symbol_name);
    if (i == none || !tree_.is_defined(i)) {
      count.disagreed.push_back(symbol_name);
      continue;
    }
    const Type type = tree_.symbols[i].type;
    evaluation.forget_opaque();
    // kconfiglib leaves m where conf makes it y for a bool.
    const auto same = [&](int theirs, Tristate ours) {
      const Tristate value = static_cast<Tristate>(theirs);
      return value == ours || (value == Tristate::module && type != Type::tristate && ours == Tristate::yes);
    };
    const bool agrees = same(visibility, evaluation.visibility(i)) &&
                        (evaluation.choice_of(i) != none || same(direct, evaluation.direct_dependency(i))) &&
                        same(selected, evaluation.selected(i)) && same(implied, evaluation.implied(i));
    if (evaluation.opaque_seen())
      ++count.by_macro;
    else if (agrees)
      ++count.agreed;
    else if (in_a_choice_that_is_hidden(evaluation, i))
      continue;
    else if (other_value)
      count.by_other_value.push_back(symbol_name);
    else
      count.disagreed.push_back(symbol_name);
  }
  return count;
}

TEST_F(Agreement, WithConfAndKconfiglibOnEverySymbol) {
  const int seeds = std::getenv("CG_CHECK_LONG") ? 50 : 5;
  std::map<std::string, KernelConfig> configs;
  configs["allnoconfig"] = configure("allnoconfig", "--allnoconfig");
  configs["allmodconfig"] = configure("allmodconfig", "--allmodconfig");
  configs["defconfig"] =
      configure("defconfig", "--defconfig=" + (tree_path() / "arch/x86/configs/x86_64_defconfig").string());
  if (fs::exists(tree_path() / ".config")) {
    fs::copy_file(tree_path() / ".config", directory() / "guest");
    configs["guest"] = load_request(directory() / "guest").value();
  }
  for (int seed = 1; seed <= seeds; ++seed) {
    const std::string name = "random-" + std::to_string(seed);
    configs[name] = configure(name, "--randconfig", std::to_string(seed));
  }

  Count conf;
  for (const auto& [name, config] : configs) {
    Count one;
    compare_with_conf(Evaluation(tree(), config), one);
    EXPECT_GT(one.agreed, 10000U) << name;
    EXPECT_TRUE(one.disagreed.empty()) << name << ": " << join(one.disagreed, " ");
    conf.agreed += one.agreed;
    conf.by_macro += one.by_macro;
  }
  std::cout << "conf: " << conf.agreed << " verdicts agree on " << configs.size() << " configurations of "
            << tree().definition_count() << " symbols; " << conf.by_macro << " hang on a compiler's answer\n";

  if (run({"/usr/bin/python3", "-c", "import kconfiglib"}).value_or(ProcessResult{1, false, "", ""}).status !=
      0)
    GTEST_SKIP() << "python3-kconfiglib is not installed; conf alone was compared";
  // The distribution's own Python: the package is for that one.
  std::vector<std::string> argv = {"/usr/bin/python3",
                                   std::string(CG_SOURCE_DIR) + "/tests/kconfig/kconfiglib_view.py"};
  for (const auto& [name, config] : configs) argv.push_back((directory() / name).string());
  const auto done = run(argv, environment());
  ASSERT_TRUE(done && done->status == 0) << (done ? last_lines(done->err, 5) : done.error().message);
  Count library;
  for (const auto& [name, config] : configs) {
    const Count one = compare_with_kconfiglib(config, name);
    EXPECT_GT(one.agreed, 10000U) << name;
    EXPECT_TRUE(one.disagreed.empty()) << name << ": " << join(one.disagreed, " ");
    library.agreed += one.agreed;
    library.by_macro += one.by_macro;
    library.by_other_value.insert(library.by_other_value.end(), one.by_other_value.begin(),
                                  one.by_other_value.end());
  }
  // A value of its own changes few verdicts; many would hide something.
  EXPECT_LT(library.by_other_value.size(), 2 * configs.size());
  std::cout << "kconfiglib: " << library.agreed
            << " symbols agree in visibility, dependency, select and imply; " << library.by_macro
            << " hang on a compiler's answer, " << library.by_other_value.size()
            << " on a value that it computes otherwise: " << join(library.by_other_value, " ") << "\n";
}

}  // namespace
}  // namespace cg::kconfig
