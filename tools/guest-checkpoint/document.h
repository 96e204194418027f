// What guest-checkpoint says in the end: one document, as text or as JSON
// (docs/guest-checkpoint.schema.json).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/cli/command.h"
#include "report/report.h"

namespace cg::checkpoint {

struct Document {
  std::string action;   // "dump", "restore", "status"
  std::string verdict;  // "dumped", "refused", "failed", "hung", "restored", "whole", ...
  int exit_status = 0;
  std::string headline;
  std::string target;
  int pid = 0;
  std::string criu;  // a version
  std::string directory;
  std::string archive;
  std::vector<std::string> steps;  // what was done, or would be
  std::vector<std::pair<std::string, std::vector<std::string>>> commands;
  std::vector<Finding> findings;  // of the preflight that says no
  std::string cause;              // of a failure, and whether it is proven
  bool proven = false;
  std::string evidence;
  std::string remedy;
  std::vector<std::pair<std::string, double>> seconds;
  std::vector<std::pair<std::string, std::uint64_t>> bytes;
  std::vector<int> tasks;  // that run now
  std::vector<std::string> notes;
};

std::string to_json(const Document& document);
std::string to_text(const Document& document);
// Writes it, and returns its exit status.
int say(const Document& document, Context& context);

// Takes cause, evidence and remedy from what an explanation found first.
void explain(const Subject& explanation, Document& document);

}  // namespace cg::checkpoint
