#include "plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "configure.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
const fs::path source_directory = CG_SOURCE_DIR;

PlanInputs repository_inputs() {
  return {.recipe = source_directory / "recipes/kernel/6.12.toml",
          .kconfig = source_directory / "kconfig",
          .architecture = "x86_64",
          .compiler = "gcc 12"};
}

TEST(Fragments, AChangeNeedsANewConfigurationVersion) {
  const auto digest = fragments_digest(source_directory / "kconfig");
  ASSERT_TRUE(digest);
  const std::string version(trim(read_file(source_directory / "kconfig/version").value()));
  EXPECT_EQ(read_file(source_directory / "kconfig/fragments.sha256").value(), *digest + "  " + version + "\n")
      << "kconfig/fragments changed: raise kconfig/version, then run `kernel-builder digest > "
         "kconfig/fragments.sha256`";
}

TEST(Plan, TakesTheArchitecturesOwnFragmentsAndNoOthers) {
  const auto plan = make_plan(repository_inputs());
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->request.value("KVM_GUEST"), "y");
  EXPECT_EQ(plan->request.find("ARM64_4K_PAGES"), nullptr);
  auto inputs = repository_inputs();
  inputs.architecture = "arm64";
  EXPECT_EQ(make_plan(inputs)->request.find("KVM_GUEST"), nullptr);
}

TEST(Plan, FragmentsOfThisRepositoryNeverContradictEachOther) {
  const auto plan = make_plan(repository_inputs());
  ASSERT_TRUE(plan);
  for (const auto& override_ : plan->request.overrides)
    ADD_FAILURE() << override_.symbol << ": " << override_.earlier.file << " and " << override_.later.file;
}

TEST(Plan, EveryFragmentFileIsUsedByTheRecipe) {
  const auto plan = make_plan(repository_inputs());
  ASSERT_TRUE(plan);
  for (const auto& entry : fs::directory_iterator(source_directory / "kconfig/fragments"))
    EXPECT_TRUE(entry.is_directory() || std::find(plan->fragments.begin(), plan->fragments.end(),
                                                  entry.path()) != plan->fragments.end())
        << entry.path();
}

TEST(Plan, AnExtraFragmentWinsAndShowsInTheConfigurationVersionAndTheDigest) {
  const TemporaryDirectory directory;
  const fs::path extra = directory.path() / "extra.conf";
  ASSERT_TRUE(write_file_atomically(extra, "# CONFIG_MEMBARRIER is not set\n"));
  auto inputs = repository_inputs();
  const auto plain = make_plan(inputs);
  inputs.extra_fragments = {extra};
  const auto changed = make_plan(inputs);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->request.value("MEMBARRIER"), "n");
  EXPECT_TRUE(changed->config_version.starts_with(plain->config_version + "+"));
  EXPECT_NE(changed->digest, plain->digest);
}

TEST(Plan, AnExtraFragmentMayBeADirectoryOfThem) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file_atomically(directory.path() / "a.conf", "CONFIG_MEMBARRIER=y\n"));
  ASSERT_TRUE(write_file_atomically(directory.path() / "b.conf", "# CONFIG_MEMBARRIER is not set\n"));
  auto inputs = repository_inputs();
  inputs.extra_fragments = {directory.path()};
  const auto plan = make_plan(inputs);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->request.value("MEMBARRIER"), "n");
}

// conf would take none of these, and no module is ever built here.
TEST(Plan, ARequestWithoutEffectIsRefused) {
  const TemporaryDirectory directory;
  const fs::path extra = directory.path() / "extra.conf";
  for (const char* line :
       {"XFS_FS=y", "CONFIG_DEFAULT_HOSTNAME=guest2", "CONFIG_LOCALVERSION='-x'", "CONFIG_XFS_FS=m"}) {
    ASSERT_TRUE(write_file_atomically(extra, std::string("CONFIG_UNIX=y\n") + line + "\n"));
    auto inputs = repository_inputs();
    inputs.extra_fragments = {extra};
    const auto plan = make_plan(inputs);
    ASSERT_FALSE(plan) << line;
    EXPECT_TRUE(plan.error().message.starts_with(extra.string() + ":2:")) << plan.error().message;
  }
}

TEST(Plan, ErrorsNameFileAndLine) {
  const TemporaryDirectory directory;
  const fs::path recipe = directory.path() / "r.toml";
  auto inputs = repository_inputs();
  inputs.recipe = recipe;
  ASSERT_TRUE(write_file_atomically(recipe,
                                    "name = \"x\"\nversion = \"1\"\nfragments = [\"bsae\"]\n[[source]]\nkind "
                                    "= \"url\"\nurl = \"file:///x\"\nsha256 = \"" +
                                        std::string(64, 'a') + "\"\n"));
  auto plan = make_plan(inputs);
  ASSERT_FALSE(plan);
  EXPECT_TRUE(plan.error().message.contains("'bsae'") && plan.error().message.contains("did you mean base"))
      << plan.error().message;

  inputs = repository_inputs();
  const fs::path extra = directory.path() / "extra.conf";
  ASSERT_TRUE(write_file_atomically(extra, "CONFIG_A=y\nCONFIG_B\n"));
  inputs.extra_fragments = {extra};
  plan = make_plan(inputs);
  ASSERT_FALSE(plan);
  EXPECT_TRUE(plan.error().message.starts_with(extra.string() + ":2:")) << plan.error().message;

  inputs = repository_inputs();
  inputs.architecture = "x86-64";
  EXPECT_EQ(make_plan(inputs).error().kind, ErrorKind::usage);
}

TEST(Gate, TwoMembersOfOneChoiceAreBothNamed) {
  const auto requested = parse_config("CONFIG_HZ_1000=y\nCONFIG_HZ_100=y\n", "two.conf");
  const auto resolved = parse_config("CONFIG_HZ_100=y\n", ".config");
  const auto tree = kconfig::parse_tree({{"Kconfig",
                                          "choice\n\tprompt \"hz\"\nconfig HZ_100\n\tbool \"100\"\nconfig "
                                          "HZ_1000\n\tbool \"1000\"\nendchoice\n"}});
  ASSERT_TRUE(tree) << tree.error().message;
  const auto result = gate(*requested, *resolved, &*tree);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().message.contains("two.conf:2 asks for that one")) << result.error().message;
}

TEST(Gate, ListsEachUnmetRequestWithItsPlaceAndPassesNothing) {
  const auto requested =
      parse_config("CONFIG_NETLINK_DIAG=y\nCONFIG_NO_SUCH=y\n\nCONFIG_UNIX=y\n", "bad.conf");
  const auto resolved = parse_config("CONFIG_NETLINK_DIAG_X=y\nCONFIG_UNIX=y\n", ".config");
  const auto tree = kconfig::parse_tree(
      {{"Kconfig",
        "source \"net/Kconfig\"\nconfig NETLINK_DIAG_X\n\tbool \"x\"\nconfig INET\n\tbool \"inet\"\n"},
       {"net/Kconfig",
        "config NETLINK_DIAG\n\tbool \"diag\"\n\tdepends on INET\nconfig UNIX\n\tbool \"unix\"\n"}});
  ASSERT_TRUE(tree) << tree.error().message;
  const auto result = gate(*requested, *resolved, &*tree);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::refused);
  const std::string& text = result.error().message;
  EXPECT_TRUE(text.contains("2 of 3")) << text;
  EXPECT_TRUE(
      text.contains("CONFIG_NETLINK_DIAG=y (bad.conf:1): got n: depends on INET (net/Kconfig:3): INET is n"))
      << text;
  EXPECT_TRUE(text.contains("CONFIG_NO_SUCH=y (bad.conf:2): got n: unknown to this kernel")) << text;
  EXPECT_FALSE(text.contains("CONFIG_UNIX=")) << text;
  EXPECT_TRUE(text.contains("    set: CONFIG_INET=y, CONFIG_NETLINK_DIAG=y\n")) << text;
  EXPECT_TRUE(gate(*resolved, *resolved, &*tree));
}

TEST(Plan, TheRecipesOwnLinesAreLaidOverTheFragmentsAndBelowTheUsers) {
  const TemporaryDirectory directory;
  const std::string text = read_file(source_directory / "recipes/kernel/6.12.toml").value();
  const std::size_t sources = text.find("\n[[source]]") + 1;
  auto inputs = repository_inputs();
  inputs.recipe = directory.path() / "own.toml";
  ASSERT_TRUE(write_file_atomically(inputs.recipe,
                                    text.substr(0, sources) +
                                        "config = \"\"\"\nCONFIG_GENERIC_CPU=n\nCONFIG_NR_CPUS=7\n\"\"\"\n" +
                                        text.substr(sources)));
  ASSERT_TRUE(write_file_atomically(directory.path() / "user.conf", "CONFIG_NR_CPUS=8\n"));
  inputs.extra_fragments = {directory.path() / "user.conf"};
  const auto plan = make_plan(inputs);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->request.value("GENERIC_CPU"), "n");
  EXPECT_EQ(plan->request.value("NR_CPUS"), "8");
  EXPECT_EQ(plan->fragments.back(), inputs.extra_fragments.front());
}

}  // namespace
}  // namespace cg
