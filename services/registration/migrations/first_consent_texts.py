"""The consent texts that a new installation begins with. The operator publishes later versions over HTTP.

Each says the purpose, what is stored, that it can be withdrawn, and what withdrawing leads to (PIPL, articles 14–17).
"""

FIRST_TEXTS = (
    (
        "terms",
        "为了安排您参加的活动，本站点会记录您的姓名、联系方式和报名情况，只用于活动安排与通知，不用于商业用途。"
        "您可以随时查看、更正、导出或要求删除这些信息。",
        "To arrange the activities that you take part in, this site records your name, how to reach you and your"
        " registrations, for that purpose alone and never commercially. You can see, correct, take along or erase"
        " them at any time.",
    ),
    (
        "sensitive_id_number",
        "身份证件号码属于敏感个人信息，只用于确认志愿者身份和出具志愿服务证明，加密保存。不提供也可以做志愿者。"
        "撤回同意后，号码会被删除。",
        "An ID number is sensitive personal data. It serves only to make sure who a volunteer is and for certificates"
        " of volunteer service, and is stored encrypted. You can volunteer without giving it. When you withdraw your"
        " consent, the number is deleted.",
    ),
    (
        "health",
        "健康信息属于敏感个人信息，只用于判断您能否安全参加某项活动。撤回同意后，需要健康信息的活动将不能报名。",
        "Health data is sensitive personal data. It serves only to judge whether you can safely take part. When you"
        " withdraw your consent, you cannot sign up for activities that need it.",
    ),
    (
        "photo",
        "活动中可能拍照或录像，用于社区宣传。不同意不影响参加活动；撤回同意后，今后的宣传不再使用您的影像。",
        "Photos and films may be taken and shown by the community. You can take part without agreeing. When you"
        " withdraw your consent, you are not shown from then on.",
    ),
    (
        "guardian_signup",
        "我是这名未成年人的监护人，同意孩子报名参加本站点的活动，并同意本站点为此记录孩子的信息。"
        "撤回同意后，孩子不能再报名，尚未开始的报名会被取消。",
        "I am the guardian of this minor and agree that the child takes part in activities of this site, and that"
        " the site records the child's data for that. When I withdraw this, the child can no longer be signed up, and"
        " registrations that have not begun are cancelled.",
    ),
    (
        "guardian_volunteering",
        "我是未满 18 周岁未成年人的监护人，已了解活动风险，同意其参加本站点的志愿服务。"
        "撤回同意后，不能再报名志愿服务，尚未开始的报名会被取消。",
        "I am the guardian of somebody under 18, know the risks, and agree that they volunteer at this site. When I"
        " withdraw this, they can no longer be signed up for volunteering, and registrations that have not begun are"
        " cancelled.",
    ),
    (
        "helper",
        "我同意由代办人替我报名和接收通知。撤回同意后，代办人的信息会被删除。",
        "I agree that my helper signs me up and receives messages for me. When I withdraw this, my helper's details are"
        " deleted.",
    ),
)
