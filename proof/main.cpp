// proof-guest: what `make proof` runs. In the guest one row of it; outside, the list of the rows and the
// table of what came of them. Exit status: 0, of a row also when it did not come back (its account says so).
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/cli/cli.h"
#include "base/text.h"
#include "table.h"
#include "trial.h"
#include "workload.h"

namespace cg {
namespace {

int proof_guest_main(const Args& args, Environment& env) {
  std::filesystem::path file = "proof/workloads.toml";
  std::vector<std::string> versions, kernels, answers;
  std::string name;
  bool is_short = false;
  proof::Programs programs;
  Tool tool;
  tool.name = "proof-guest";
  tool.help = "Takes the programs that people run through a checkpoint and back";
  const Option workloads{"--workloads FILE", &file, "What there is to take through it"};
  tool.commands.push_back({.name = "rows",
                           .help = "Print the rows of the proof",
                           .options = {workloads,
                                       {"--criu VERSION...", &versions, "CRIU versions", {.required = true}},
                                       {"--kernel VERSION...", &kernels, "Kernels", {.required = true}}},
                           .run = [&](Context& context) -> Result<int> {
                             CG_TRY(known, proof::load_workloads(file));
                             for (const auto& row : proof::all_rows(known, versions, kernels))
                               context.env.out << row.name() << "\n";
                             return exit_good;
                           }});
  tool.commands.push_back(
      {.name = "run",
       .help = "Carry one row out, here, and say what came of it as one line of JSON",
       .options = {workloads,
                   {"ROW", &name, "WORKLOAD/CRIU/KERNEL/PLACE", {.required = true}},
                   {"--client FILE", &programs.prelude, "What every client begins with", {.required = true}},
                   {"--criu FILE", &programs.criu, "The criu of that version"},
                   {"--guest-checkpoint FILE", &programs.guest_checkpoint, "What dumps and restores"}},
       .run = [&](Context& context) -> Result<int> {
         CG_TRY(row, proof::parse_row(name));
         CG_TRY(known, proof::load_workloads(file));
         for (const auto& workload : known)
           if (workload.id == row.workload) {
             context.env.out << proof::try_row(row, workload, programs)
                                    .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                             << "\n";
             return exit_good;
           }
         return usage_error(name + ": no such workload");
       }});
  tool.commands.push_back({.name = "table",
                           .help = "Make the table of what came of the rows",
                           .options = {workloads,
                                       {"FILE", &answers, "What `run` has said", {.required = true}},
                                       {"--short", &is_short, "Only which versions brought it back"}},
                           .run = [&](Context& context) -> Result<int> {
                             CG_TRY(known, proof::load_workloads(file));
                             CG_TRY(rows, proof::load_answers(answers));
                             context.env.out << (is_short ? proof::short_table(known, rows)
                                                          : proof::long_table(known, rows));
                             return exit_good;
                           }});
  return run_commands(tool, args, env);
}

}  // namespace
}  // namespace cg

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::proof_guest_main);
}
