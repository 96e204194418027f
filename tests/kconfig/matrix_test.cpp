// The requirement matrix against a real tree: its symbols exist, its list of dependencies is the tree's own,
// and the fragment made from it is what the kernel's conf needs.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "criu/fragment.h"
#include "criu/judge.h"
#include "criu/requirements.h"
#include "criu/versions.h"
#include "kconfig/remedy.h"
#include "kconfig/resolve.h"
#include "kconfig/unmet_request.h"
#include "unpacked_tree.h"

namespace cg {
namespace {

using kconfig::Tree;
using kconfig::Tristate;

class MatrixAndTree : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = unpacked_tree();
    if (!found) GTEST_SKIP() << "no unpacked kernel tree in the cache; make guest-kernel makes one";
    path_ = *found;
    matrix_ = builtin_matrix().value();
  }
  Tree tree(const std::string& architecture) const {
    return kconfig::load_tree(path_, {architecture}).value();
  }
  KernelConfig resolve(const Tree& tree, const KernelConfig& request) const {
    auto resolved = resolve_by_conf({path_, tree.architecture, tree.version}, request, nullptr);
    EXPECT_TRUE(resolved) << resolved.error().message;
    return resolved.value_or(KernelConfig{});
  }
  const Matrix& matrix() const { return matrix_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  Matrix matrix_;
};

TEST_F(MatrixAndTree, EverySymbolExistsWhereItsRowSaysSo) {
  const std::map<std::string, Tree> trees = [&] {
    std::map<std::string, Tree> all;
    for (const auto& [name, folder] :
         {std::pair("x86_64", "x86"), std::pair("arm64", "arm64"), std::pair("s390x", "s390"),
          std::pair("ppc64le", "powerpc"), std::pair("riscv64", "riscv")})
      all.emplace(name, tree(folder));
    return all;
  }();
  std::size_t checked = 0;
  for (const auto& row : matrix().rows) {
    for (const auto& [architecture, tree] : trees) {
      if (!row.architectures.empty() &&
          std::ranges::find(row.architectures, architecture) == row.architectures.end())
        continue;
      for (const auto& symbol : row.symbols.symbols()) {
        const auto index = tree.index_of(symbol);
        EXPECT_TRUE(index != kconfig::none && tree.is_defined(index))
            << row.id << ": " << symbol << " on " << architecture;
        const auto type = index == kconfig::none ? kconfig::Type::unknown : tree.symbols[index].type;
        EXPECT_TRUE(type == kconfig::Type::boolean || type == kconfig::Type::tristate) << symbol;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 300U);
}

// obj-$(CONFIG_X) += x.o of some Makefile; and no tristate symbol of a row is left out, unless it is no
// module that somebody would look for.
TEST_F(MatrixAndTree, TheListOfModulesIsTheTreesOwn) {
  std::set<std::string> made;
  for (const char* folder : {"net", "drivers/net", "fs"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path() / folder)) {
      if (entry.path().filename() != "Makefile") continue;
      const std::string makefile = read_file(entry.path()).value();
      for (const std::string_view line : split_lines(makefile)) {
        const std::size_t close = line.find(')');
        if (!line.starts_with("obj-$(CONFIG_") || close == line.npos) continue;
        for (const auto& word : split(line.substr(close + 1), ' ')) {
          const std::string_view object = trim(word);
          if (!object.ends_with(".o")) continue;
          std::string name(object.substr(object.rfind('\t') + 1));
          name.resize(name.size() - 2);
          made.insert(std::move(name));
        }
      }
    }
  for (const auto& [symbol, module] : matrix().modules)
    EXPECT_TRUE(made.contains(module)) << symbol << " = " << module;
  const Tree x86 = tree("x86");
  for (const auto& row : matrix().rows)
    for (const auto& symbol : row.symbols.symbols())
      if (const auto index = x86.index_of(symbol);
          index != kconfig::none && x86.symbols[index].type == kconfig::Type::tristate) {
        EXPECT_TRUE(matrix().modules.contains(symbol)) << symbol;
      }
}

TEST_F(MatrixAndTree, TheListOfDependenciesIsTheTreesOwn) {
  const Tree x86 = tree("x86");
  const KernelConfig nothing = resolve(x86, parse_config("CONFIG_64BIT=y\n", "f").value());
  const kconfig::Evaluation evaluation(x86, nothing);
  for (const auto& row : matrix().rows)
    for (const auto& symbol : row.symbols.symbols()) {
      if (row.severity == Severity::better_off || symbol == "EXPERT") continue;
      const auto remedy = kconfig::find_remedy(evaluation, x86.index_of(symbol), Tristate::yes);
      ASSERT_TRUE(remedy) << symbol;
      std::vector<std::string> needs;
      for (const auto& setting : *remedy)
        if (setting.symbol != symbol) needs.push_back(setting.symbol);
      const auto listed = matrix().needs.find(symbol);
      std::vector<std::string> told;
      if (listed != matrix().needs.end())
        for (const auto& need : listed->second)
          if (need.kernel.contains(parse_version("6.12").value())) told.push_back(need.symbol);
      EXPECT_EQ(join(told, " "), join(needs, " ")) << symbol;
    }
}

// Linux as kernel-builder has a recipe for it. `kernel-builder config SERIES` unpacks one.
class FragmentOf : public testing::TestWithParam<const char*> {};

TEST_P(FragmentOf, OverAllnoconfigIsReadyForEveryVersionAndFeature) {
  const auto trees = unpacked_trees();
  const auto found = trees.find(GetParam());
  if (found == trees.end())
    GTEST_SKIP() << "no tree of Linux " << GetParam() << " in the cache; `kernel-builder config "
                 << GetParam() << "` makes one";
  const Matrix matrix = builtin_matrix().value();
  const Tree x86 = kconfig::load_tree(found->second, {"x86"}).value();
  const auto kernel = parse_version(GetParam());
  const auto all = matrix.features();
  FragmentQuestion question{criu_versions().all, {all.begin(), all.end()}, "x86_64", kernel, false};
  const std::string text = to_text(with_dependencies(matrix, question, required_lines(matrix, question)), {});
  const auto request = parse_config(text, "fragment").value();
  const auto resolved = resolve_by_conf({found->second, x86.architecture, x86.version}, request, nullptr);
  ASSERT_TRUE(resolved) << resolved.error().message;
  for (const auto& stuck : kconfig::find_unmet_requests(request, *resolved, &x86))
    ADD_FAILURE() << kconfig::to_text(stuck);
  Evidence evidence;
  evidence.config = &*resolved;
  evidence.kernel = kernel;
  evidence.architecture = "x86_64";
  for (const auto& version : criu_versions().all)
    for (const auto& finding : judge(matrix, {version, question.features}, evidence))
      EXPECT_TRUE(finding.verdict != Verdict::fail || finding.id.starts_with("window.") ||
                  finding.id == "kernel.udplite-diag")
          << version.text() << " " << finding.id << ": " << finding.seen;
}

// The same of what other programs ask: each line sticks, and makes the kernel ready for the program.
TEST_P(FragmentOf, WhatAProgramAsksSticksOverAllnoconfig) {
  const auto trees = unpacked_trees();
  const auto found = trees.find(GetParam());
  if (found == trees.end())
    GTEST_SKIP() << "no tree of Linux " << GetParam() << " in the cache; `kernel-builder config "
                 << GetParam() << "` makes one";
  const Tree x86 = kconfig::load_tree(found->second, {"x86"}).value();
  const auto kernel = parse_version(GetParam());
  for (const auto& program : requirement_names()) {
    SCOPED_TRACE(program);
    const Matrix matrix = requirements_of(program).value();
    const FragmentQuestion question{{criu_versions().preferred}, {}, "x86_64", kernel, false};
    const auto request =
        parse_config(to_text(with_dependencies(matrix, question, required_lines(matrix, question)), {}),
                     "fragment")
            .value();
    const auto resolved = resolve_by_conf({found->second, x86.architecture, x86.version}, request, nullptr);
    ASSERT_TRUE(resolved) << resolved.error().message;
    for (const auto& stuck : kconfig::find_unmet_requests(request, *resolved, &x86))
      ADD_FAILURE() << kconfig::to_text(stuck);
    Evidence evidence;
    evidence.config = &*resolved;
    evidence.kernel = kernel;
    evidence.architecture = "x86_64";
    const auto subject = judge_requirements(matrix, program, evidence, "config");
    EXPECT_EQ(subject.verdict, Verdict::pass) << subject.headline;
  }
}
INSTANTIATE_TEST_SUITE_P(Linux, FragmentOf, testing::Values("6.1", "6.12", "7.2", "7.3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

// The mistake that costs days: EXPERT=y over allnoconfig, and nothing else said.
TEST_F(MatrixAndTree, ExpertOverAllnoconfigLosesWhatItHides) {
  const Tree x86 = tree("x86");
  const KernelConfig resolved = resolve(
      x86,
      parse_config(
          "CONFIG_EXPERT=y\nCONFIG_PROC_FS=y\nCONFIG_CHECKPOINT_RESTORE=y\nCONFIG_PROC_PAGE_MONITOR=y\n", "f")
          .value());
  for (const char* lost : {"MEMBARRIER", "RSEQ", "ADVISE_SYSCALLS", "EVENTFD", "EPOLL", "FILE_LOCKING"})
    EXPECT_EQ(resolved.value(lost), "n") << lost;
  const kconfig::Evaluation evaluation(x86, resolved);
  const auto told = kconfig::explain_value(evaluation, "MEMBARRIER");
  EXPECT_TRUE(told.summary.contains("answered with n")) << told.summary;
}

}  // namespace
}  // namespace cg
