namespace CondEmbed.Reports;

/// <summary>How to repeat the run: its command, and all settings as a file.</summary>
internal static class RepeatSection
{
    public static Html Draw(RunReport report) => Html.Of($"""
        <div class="card copied"><pre id="command-line">{report.Command}</pre></div>
        {(report.SettingsFile.Length == 0 ? Html.Empty : File(report.SettingsFile))}
        """);

    private static Html File(string settings) => Html.Of($"""
        <p class="note">Or with every setting as it was resolved, whatever the defaults become: save this as <code>run.toml</code> (the run's folder has it as <code>config.toml</code>) and run
        <code>condembed train --config run.toml</code>. The same version, seed, machine and number of threads give the same weights, bit for bit, on the CPU.</p>
        <details class="card copied"><summary>run.toml</summary><pre id="settings-file">{settings}</pre></details>
        """);
}
