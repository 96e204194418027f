// The report for other programs and for a browser.
#pragma once

#include <string>

#include "report/report.h"

namespace cg {

// SARIF 2.1.0 (OASIS): what fails or warns, each at its file and line; a waived finding is a suppressed
// result.
std::string to_sarif(const Report& report);
// JUnit XML as CI systems read it: a suite a subject, a case a finding; N/A and what could not be judged is
// skipped.
std::string to_junit(const Report& report);
// Tables for a pull request or a wiki.
std::string to_markdown(const Report& report);
// One file without references to any other: a grid of requirement x CRIU version for each subject, and the
// findings.
std::string to_html(const Report& report);

}  // namespace cg
