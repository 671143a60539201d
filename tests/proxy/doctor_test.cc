#include "proxy/doctor.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace proxy {
namespace {

const std::vector<Finding>& sample() {
  static const std::vector<Finding> kFindings = {
      {Finding::kOk, "cpus", "2 usable", ""},
      {Finding::kAdvice, "net.core.somaxconn", "128", "Run: sysctl -w net.core.somaxconn=4096"},
      {Finding::kProblem, "descriptors", "hard 64", "Raise it."}};
  return kFindings;
}

TEST(Doctor, PrintsAlignedTextWithTheAdviceUnderItsFinding) {
  std::ostringstream out;
  print_findings(sample(), out);
  EXPECT_EQ(out.str(),
            "ok       cpus                2 usable\n"
            "advice   net.core.somaxconn  128\n"
            "           Run: sysctl -w net.core.somaxconn=4096\n"
            "problem  descriptors         hard 64\n"
            "           Raise it.\n"
            "\n"
            "1 ok, 1 to improve, 1 to repair\n");
}

TEST(Doctor, PrintsJsonThatAProgramCanRead) {
  std::ostringstream out;
  print_findings_json(sample(), out);
  const auto report = nlohmann::json::parse(out.str());
  EXPECT_EQ(report.at("problems"), 1);
  EXPECT_EQ(report.at("advice"), 1);
  ASSERT_EQ(report.at("findings").size(), 3U);
  const auto& advice = report.at("findings").at(1);
  EXPECT_EQ(advice.at("level"), "advice");
  EXPECT_EQ(advice.at("what"), "net.core.somaxconn");
  EXPECT_EQ(advice.at("value"), "128");
  EXPECT_EQ(advice.at("advice"), "Run: sysctl -w net.core.somaxconn=4096");
}

TEST(Doctor, TextThatIsNotUtf8StillMakesJson) {
  std::ostringstream out;
  print_findings_json({{Finding::kOk, "x", "\xff\xfe", ""}}, out);
  EXPECT_EQ(nlohmann::json::parse(out.str()).at("findings").size(), 1U);
}

TEST(Doctor, ExaminesThisMachineAndItsExitCodeSaysWhetherThereIsAProblem) {
  std::ostringstream text;
  const int code = run_doctor(false, text);
  EXPECT_NE(text.str().find("descriptors"), std::string::npos);
  std::ostringstream json;
  EXPECT_EQ(run_doctor(true, json), code);
  const auto report = nlohmann::json::parse(json.str());
  EXPECT_EQ(code, report.at("problems") == 0 ? 0 : 1);
  EXPECT_GE(report.at("findings").size(), 15U);
}

}  // namespace
}  // namespace proxy
