#include "restore_preflight.h"

#include <algorithm>

#include "base/host.h"
#include "criu/command.h"
#include "criu/judge.h"
#include "criu/matrix.h"
#include "criu/options.h"
#include "restore/checks/checks.h"
#include "restore/needs.h"
#include "restore/this_processor.h"
#include "tasks/preflight.h"

namespace cg::checkpoint {

Result<std::vector<Finding>> what_stands_against(const Checkpoint& images, const Version& criu,
                                                 const std::vector<std::string>& argv,
                                                 const std::vector<std::string>& environment) {
  CG_TRY(table, builtin_option_table());
  CG_TRY(matrix, builtin_matrix());
  std::vector<std::string> words = argv;
  words.front() = "criu";
  const restore::Options options(parse_criu_command(table, criu, words));

  CG_TRY(host, restore::files_of_directory("/"));
  restore::Place place = restore::this_place(*host);
  std::unique_ptr<restore::Files> root;
  const std::string below = images.own(&Objects::mount) ? options.root : "/";
  if (!below.empty()) {
    CG_TRY(files, restore::files_of_directory(below));
    root = std::move(files);
    place.files = root.get();
  }
  place.processor = restore::this_processor();
  std::vector<Finding> findings;
  tree::add_grouped(findings, restore::check_all({images, criu, options, place}), tree::Fate::as_it_is,
                    tree::Side::restore);

  const Matrix rows = restore::rows_for_restore(images, matrix, criu);
  Evidence evidence;
  evidence.probe = real_tree_system(rows).probe;
  evidence.kernel = leading_version(host_release());
  evidence.architecture = matrix_architecture(host_machine());
  const auto kernel = restore::judge_kernel(images, rows, criu, evidence, &environment);
  findings.insert(findings.end(), kernel.findings.begin(), kernel.findings.end());

  std::erase_if(findings, [](const Finding& finding) {
    return finding.verdict != Verdict::fail || !finding.waiver.empty();
  });
  return findings;
}

}  // namespace cg::checkpoint
