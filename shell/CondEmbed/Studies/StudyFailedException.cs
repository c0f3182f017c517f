namespace CondEmbed.Studies;

/// <summary>Some runs of a study failed; the message says which, and why.</summary>
public sealed class StudyFailedException(string message) : InvalidOperationException(message);
