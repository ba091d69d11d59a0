"""Who people are in the hospital, and the words they want to read."""

from django.db.models import TextChoices


class Role(TextChoices):
    PHYSICIAN = "physician", "Physician"
    NURSE = "nurse", "Nurse"
    PHARMACIST = "pharmacist", "Pharmacist"
    HAEMATOLOGIST = "haematologist", "Haematologist"
    PROTOCOL_AUTHOR = "protocol_author", "Protocol author"
    PROTOCOL_REVIEWER = "protocol_reviewer", "Protocol reviewer"
    PROTOCOL_APPROVER = "protocol_approver", "Protocol approver"
    ADMIN = "admin", "Administrator"


class RoleView(TextChoices):
    PHYSICIAN = "physician", "Physician"
    NURSE = "nurse", "Nurse"
    PHARMACIST = "pharmacist", "Pharmacist"
    HAEMATOLOGIST = "haematologist", "Haematologist"


class Theme(TextChoices):
    SYSTEM = "system", "As this device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


# Protocol staff and administrators have no bedside view of their own; they read what the prescriber reads.
ROLE_VIEW_OF: dict[Role, RoleView] = dict.fromkeys(Role, RoleView.PHYSICIAN) | {
    Role.NURSE: RoleView.NURSE,
    Role.PHARMACIST: RoleView.PHARMACIST,
    Role.HAEMATOLOGIST: RoleView.HAEMATOLOGIST,
}
